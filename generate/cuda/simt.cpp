/* simt.cpp - the imitated device of simt.h: one thread of execution, a coroutine for each of a
 * block's threads.
 *
 * A coroutine runs until it must wait for others (barrier, exchange) or is done; then the next one
 * that is not done goes on. A barrier counts arrivals and lets everybody go when all have come; a
 * coroutine that ends where others wait at a barrier would leave them waiting for ever, which is a
 * fault of the kernel and ends the program. */
#include "generate/cuda/simt.h"

#include <stdio.h>
#include <mutex>
#include <stdlib.h>
#include <ucontext.h>
#include <vector>

unsigned simt_thread, simt_block_x, simt_block_y, simt_block_z;

namespace
{

constexpr size_t STACK_BYTES = 64 * 1024;
constexpr unsigned GROUPS = SIMT_MOST_THREADS / SIMT_GROUP;
constexpr unsigned WARPS = SIMT_MOST_THREADS / SIMT_WARP;

struct gate {
    unsigned arrived;
    uint64_t generation;
};

struct block_state {
    ucontext_t scheduler;
    ucontext_t context[SIMT_MOST_THREADS];
    bool done[SIMT_MOST_THREADS];
    unsigned threads;
    gate all, group[GROUPS], warp[WARPS];
    uint32_t exchange[SIMT_MOST_THREADS];
    uint32_t operands[2][SIMT_MOST_THREADS][3]; /* of a matrix product, and of the one before */
    bool turn[SIMT_MOST_THREADS];               /* which of the two is a thread's next */
    uint64_t progress; /* counts arrivals and ends: none in a whole round means a dead end */
    const std::function<void()> *body;
    std::vector<char> stacks;
};

block_state block;

void yield(void)
{
    unsigned self = simt_thread;
    swapcontext(&block.context[self], &block.scheduler);
    simt_thread = self;
}

void wait_at(gate *g, unsigned n)
{
    uint64_t mine = g->generation;

    block.progress++;
    if (++g->arrived == n) {
        g->arrived = 0;
        g->generation++;
        return;
    }
    while (g->generation == mine)
        yield();
}

void run_thread(void)
{
    (*block.body)();
    block.done[simt_thread] = true;
    block.progress++;
    swapcontext(&block.context[simt_thread], &block.scheduler);
}

void make_thread(unsigned t)
{
    block.done[t] = false;
    block.turn[t] = false;
    getcontext(&block.context[t]);
    block.context[t].uc_stack.ss_sp = block.stacks.data() + t * STACK_BYTES;
    block.context[t].uc_stack.ss_size = STACK_BYTES;
    block.context[t].uc_link = NULL;
    makecontext(&block.context[t], run_thread, 0);
}

void run_block(void)
{
    unsigned left;

    for (unsigned t = 0; t < block.threads; t++)
        make_thread(t);
    do {
        uint64_t before = block.progress;
        left = 0;
        for (unsigned t = 0; t < block.threads; t++) {
            if (block.done[t])
                continue;
            simt_thread = t;
            swapcontext(&block.scheduler, &block.context[t]);
            left += !block.done[t];
        }
        if (left && before == block.progress) {
            fprintf(stderr, "%u threads of a block wait for others that are gone\n", left);
            abort();
        }
    } while (left);
}

} // namespace

void simt_barrier(void)
{
    wait_at(&block.all, block.threads);
}

void simt_group_barrier(void)
{
    wait_at(&block.group[simt_thread / SIMT_GROUP], SIMT_GROUP);
}

static uint32_t exchange(uint32_t v, unsigned from)
{
    uint32_t r;

    block.exchange[simt_thread] = v;
    simt_group_barrier();
    r = block.exchange[from];
    simt_group_barrier();
    return r;
}

uint32_t simt_swap(uint32_t v, unsigned mask)
{
    return exchange(v, simt_thread ^ mask);
}

uint32_t simt_from_first(uint32_t v)
{
    return exchange(v, simt_thread / SIMT_GROUP * SIMT_GROUP);
}

static uint32_t over_group(uint32_t v, uint32_t (*join)(uint32_t, uint32_t))
{
    const unsigned first = simt_thread / SIMT_GROUP * SIMT_GROUP;
    uint32_t r;

    block.exchange[simt_thread] = v;
    simt_group_barrier();
    r = block.exchange[first];
    for (unsigned i = 1; i < SIMT_GROUP; i++)
        r = join(r, block.exchange[first + i]);
    simt_group_barrier();
    return r;
}

uint32_t simt_group_sum(uint32_t v)
{
    return over_group(v, [](uint32_t a, uint32_t b) { return a + b; });
}

uint32_t simt_group_largest(uint32_t v)
{
    return over_group(v, [](uint32_t a, uint32_t b) { return a > b ? a : b; });
}

bool simt_group_any(bool v)
{
    return over_group(v, [](uint32_t a, uint32_t b) { return a | b; });
}

/* One barrier is enough: before a thread fills the same operands again it meets the others at the
 * next product's. */
void simt_matrix_add(uint32_t sum[4], const uint32_t a[2], uint32_t b)
{
    const unsigned self = simt_thread, lane = self % SIMT_WARP;
    uint32_t(*all)[3] = block.operands[block.turn[self]] + (self - lane);

    block.turn[self] = !block.turn[self];
    all[lane][0] = a[0];
    all[lane][1] = a[1];
    all[lane][2] = b;
    wait_at(&block.warp[self / SIMT_WARP], SIMT_WARP);
    for (unsigned i = 0; i < 4; i++) {
        const unsigned row = lane / 4, column = 2 * (lane % 4) + i % 2;
        for (unsigned k = 0; k < 16; k++)
            sum[i] += (uint32_t)((int8_t)(all[4 * row + k / 4][i / 2] >> 8 * (k % 4)) *
                                 (int8_t)(all[4 * column + k / 4][2] >> 8 * (k % 4)));
    }
}

void simt_run(unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads,
              const std::function<void()> &body)
{
    if (!threads || threads > SIMT_MOST_THREADS || threads % SIMT_GROUP) {
        fprintf(stderr, "a block of %u threads\n", threads);
        abort();
    }
    static std::mutex one_at_a_time; /* callers may be threads; there is one block_state */
    std::lock_guard<std::mutex> held(one_at_a_time);
    block.stacks.resize(SIMT_MOST_THREADS * STACK_BYTES);
    block.threads = threads;
    block.body = &body;
    for (simt_block_z = 0; simt_block_z < grid_z; simt_block_z++)
        for (simt_block_y = 0; simt_block_y < grid_y; simt_block_y++)
            for (simt_block_x = 0; simt_block_x < grid_x; simt_block_x++)
                run_block();
}
