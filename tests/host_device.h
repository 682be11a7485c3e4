// What CUDA source needs to be compiled for the host: groups of threads run one after another, the threads of a group at
// once, and meet at a barrier.

#include <barrier>
#include <cmath>
#include <memory>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

struct Place {
    unsigned x;
};

static Place gridDim, blockDim, blockIdx;
static thread_local Place threadIdx;
static std::unique_ptr<std::barrier<>> meeting;

#define __global__
#define __device__
#define __shared__ static  // of the one group that runs

static inline void __syncthreads()
{
    if (meeting)
        meeting->arrive_and_wait();
}

using std::fabs;
using std::sqrt;
template <class T> static inline T max(T a, T b) { return a < b ? b : a; }
template <class T> static inline T min(T a, T b) { return b < a ? b : a; }
static inline long long min(int a, long long b) { return min<long long>(a, b); }

template <class Kernel> static void run(unsigned groups, unsigned threads, const Kernel &kernel)
{
    gridDim.x = groups;
    blockDim.x = threads;
    meeting = threads > 1 ? std::make_unique<std::barrier<>>(threads) : nullptr;
    auto work = [&](unsigned thread) {
        threadIdx.x = thread;
        for (unsigned group = 0; group < groups; group++) {
            if (thread == 0)
                blockIdx.x = group;
            __syncthreads();
            kernel();
            __syncthreads();
        }
    };
    std::vector<std::thread> others;
    for (unsigned thread = 1; thread < threads; thread++)
        others.emplace_back(work, thread);
    work(0);
    for (std::thread &other : others)
        other.join();
}

template <class... A, std::size_t... I>
static void spread(void (*kernel)(A...), void **arguments, std::index_sequence<I...>)
{
    kernel(*static_cast<A *>(arguments[I])...);
}

// As cuLaunchKernel takes them: the address of every argument.
template <class... A>
static void launch(void (*kernel)(A...), long long groups, long long threads, void **arguments)
{
    run(groups, threads, [&] { spread(kernel, arguments, std::index_sequence_for<A...>{}); });
}
