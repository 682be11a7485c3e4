// Requests to the server, with the token of the address.

const token = new URLSearchParams(location.search).get("token") ?? "";

export async function request(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Authorization: `Bearer ${token}` } });
  if (answer.ok) return answer;
  const told = await answer.text();
  let message = told.trim();
  try {
    message = JSON.parse(told).message;
  } catch {
    // Text of a server between here and there.
  }
  throw new Error(message || `the server answered ${answer.status}`);
}

export const json = async (path, options) => (await request(path, options)).json();

export const query = (fields) => new URLSearchParams(fields).toString();

export function socketAddress(picture) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/api/pictures/${picture}/socket?${query({ token })}`;
}
