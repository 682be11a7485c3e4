// What CUDA source needs to be compiled for the host.
//
// Groups run one after another. The threads of a group are contexts of which each runs alone until it comes to
// __syncthreads(), first to last or last to first: a barrier that is missing gives wrong numbers in one of the two orders,
// every time, and one that not all threads reach ends the program.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include <ucontext.h>

struct Place {
    unsigned x;
};

static Place gridDim, blockDim, blockIdx, threadIdx;

#define __global__
#define __device__
#define __shared__ static  // of the one group that runs

using std::rint;
using std::sqrt;
template <class T> static inline T max(T a, T b) { return a < b ? b : a; }
template <class T> static inline T min(T a, T b) { return b < a ? b : a; }
static inline long long min(int a, long long b) { return min<long long>(a, b); }

struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    bool done;
};

static std::vector<Thread> group;
static ucontext_t scheduler;
static std::function<void()> body;

static void __syncthreads()
{
    swapcontext(&group[threadIdx.x].context, &scheduler);
}

static void enter()
{
    body();
    group[threadIdx.x].done = true;
    swapcontext(&group[threadIdx.x].context, &scheduler);
}

static void start(Thread &thread)
{
    thread.done = false;
    thread.stack.resize(1 << 18);
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
    thread.context.uc_stack.ss_size = thread.stack.size();
    makecontext(&thread.context, enter, 0);
}

static void run_group(bool backwards)
{
    unsigned threads = group.size(), done = 0;
    for (Thread &thread : group)
        start(thread);
    while (done < threads) {
        done = 0;
        for (unsigned k = 0; k < threads; k++) {
            threadIdx.x = backwards ? threads - 1 - k : k;
            swapcontext(&scheduler, &group[threadIdx.x].context);
            done += group[threadIdx.x].done;
        }
        if (done != 0 && done != threads) {
            std::fprintf(stderr, "%u of %u threads wait at a barrier for the others\n", threads - done, threads);
            std::abort();
        }
    }
}

static void run(unsigned groups, unsigned threads, bool backwards)
{
    gridDim.x = groups;
    blockDim.x = threads;
    group.resize(threads);
    for (blockIdx.x = 0; blockIdx.x < groups; blockIdx.x++)
        run_group(backwards);
}

template <class... A, std::size_t... I>
static void spread(void (*kernel)(A...), void **arguments, std::index_sequence<I...>)
{
    kernel(*static_cast<A *>(arguments[I])...);
}

// As cuLaunchKernel takes them: the address of every argument.
template <class... A>
static void launch(void (*kernel)(A...), long long groups, long long threads, long long backwards, void **arguments)
{
    body = [=] { spread(kernel, arguments, std::index_sequence_for<A...>{}); };
    run(groups, threads, backwards);
}
