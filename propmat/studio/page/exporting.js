// The dialog for files, with the command that makes the same file.

import { json, query, request } from "./server.js";

const $ = (id) => document.getElementById(id);

export class Exporting {
  constructor(picture, formats) {
    this.picture = picture;
    for (const option of $("format").options) {
      const lack = formats[option.value];
      option.disabled = Boolean(lack);
      option.title = lack ?? "";
    }
    $("export").onclick = () => this.show();
    $("what").onchange = $("format").onchange = () => this.tell();
    $("download").onclick = () => this.download();
    $("copy").onclick = () => navigator.clipboard?.writeText($("command").textContent);
  }

  get wanted() {
    const [suffix, depth] = $("format").value.split(" ");
    return query({ what: $("what").value, suffix, depth });
  }

  async show() {
    $("reason").textContent = "";
    $("exporting").showModal();
    await this.tell();
  }

  async tell() {
    const { command } = await this.trying(() => json(`/api/pictures/${this.picture()}/command?${this.wanted}`));
    $("same").hidden = $("copy").hidden = !command;
    $("command").textContent = command ?? "";
  }

  async download() {
    $("download").disabled = true;
    $("reason").textContent = "waiting for the exact matte …";
    await this.trying(async () => {
      const base = `/api/pictures/${this.picture()}`;
      const { file } = await json(`${base}/command?${this.wanted}`);
      const content = await (await request(`${base}/export?${this.wanted}`)).blob();
      save(content, file);
      $("reason").textContent = "";
    });
    $("download").disabled = false;
  }

  async trying(work) {
    try {
      return (await work()) ?? {};
    } catch (error) {
      $("reason").textContent = error.message;
      return {};
    }
  }
}

function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
