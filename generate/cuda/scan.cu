/* scan.cu - the steps of scan.h as kernels. Scoring reads each code once, sixteen threads a row.
 * Selecting is a radix selection: eight counts of a digit of the key, most significant first, each
 * of which narrows down where the last of the best lies, and one pass that collects them. */
extern "C" {
#include "generate/cuda/scan.h"
}

#include "generate/cuda/lanes_simt.h"

#define GROUPS      (SIMT_MAX_THREADS / SIMT_GROUP)
#define ROWS_GROUP  4u /* rows that a group scores */
#define ROWS_BLOCK  (GROUPS * ROWS_GROUP)
#define ROWS_THREAD 16u /* rows that a thread of the counts looks at */
#define DIGITS      8u

static_assert(SCAN_BINS == SIMT_MAX_THREADS, "a thread a bin");

/* ---- scoring ---- */

/* Rising with the score, never 0; 0 for what is no number. Both zeros are alike. */
SIMT_INLINE uint32_t key_of(float score)
{
    const uint32_t bits = simt_bits(score == 0.0f ? 0.0f : score);

    if (score != score)
        return 0;
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

SIMT_INLINE float score_of(uint32_t key)
{
    return simt_float(key & 0x80000000u ? key ^ 0x80000000u : ~key);
}

template <unsigned QUERIES> SIMT_KERNEL score_kernel(scan_step s)
{
    const unsigned group = simt_thread / SIMT_GROUP, words = (unsigned)(s.rows.stride / 4);
    const unsigned first = simt_block_x * ROWS_BLOCK + group * ROWS_GROUP;

    for (unsigned row = first; row < first + ROWS_GROUP && row < s.rows.rows; row++) {
        const uint32_t *code = (const uint32_t *)(s.rows.code + (size_t)row * s.rows.stride);
        const bool wanted = !s.eligible || (s.eligible[row / 64] >> (row % 64) & 1);
        uint32_t dot[QUERIES] = {0};
        for (unsigned i = lane_of(); wanted && i < words; i += LANES) {
            const uint32_t four = code[i];
            SIMT_UNROLL
            for (unsigned q = 0; q < QUERIES; q++)
                dot[q] = simt_dot4(dot[q], four, ((const uint32_t *)s.codes)[q * words + i]);
        }
        SIMT_UNROLL
        for (unsigned q = 0; q < QUERIES; q++) {
            const int32_t sum = words_sum(dot[q]);
            if (lane_of() == 0 && q < s.n) {
                const scan_query *of = &s.queries[q];
                const float score = (float)(sum - of->bias) * (s.rows.scale[row] * of->scale);
                s.keys[(size_t)q * s.rows.rows + row] =
                    wanted ? key_of(s.rows.bias ? score + (s.rows.bias[row] + of->offset)
                                                : score + of->offset)
                           : 0;
            }
        }
    }
}

void step_scan_score(const scan_step *at)
{
    const scan_step s = *at;
    const unsigned blocks = (unsigned)((s.rows.rows + ROWS_BLOCK - 1) / ROWS_BLOCK);

    if (s.n == 1)
        SIMT_RUN(score_kernel<1>, blocks, 1, SIMT_MAX_THREADS, s);
    else
        SIMT_RUN(score_kernel<SCAN_QUERIES>, blocks, 1, SIMT_MAX_THREADS, s);
}

/* ---- selecting ---- */

SIMT_INLINE uint64_t whole_key(uint32_t upper, unsigned row)
{
    return (uint64_t)upper << 32 | (uint32_t)~row;
}

SIMT_KERNEL start_kernel(scan_step s)
{
    scan_state *state = &s.states[simt_block_y];

    if (simt_thread == 0)
        *state = scan_state{0, s.keep, 0, 0, 0};
    s.bins[simt_block_y * SCAN_BINS + simt_thread] = 0;
}

/* Count digit `at` of the keys whose digits before it are those of `least`. */
SIMT_KERNEL count_kernel(scan_step s, unsigned at)
{
    SIMT_SHARED uint32_t bins[SCAN_BINS];
    const unsigned q = simt_block_y, shift = 56 - 8 * at, rows = (unsigned)s.rows.rows;
    const scan_state state = s.states[q];
    const uint32_t *keys = s.keys + (size_t)q * rows;
    const unsigned first = simt_block_x * SIMT_MAX_THREADS * ROWS_THREAD;

    if (state.done)
        return;
    bins[simt_thread] = 0;
    simt_barrier();
    for (unsigned i = 0; i < ROWS_THREAD; i++) {
        const unsigned row = first + i * SIMT_MAX_THREADS + simt_thread;
        if (row >= rows || !keys[row])
            continue;
        const uint64_t key = whole_key(keys[row], row);
        if (at == 0 || key >> (shift + 8) == state.least >> (shift + 8))
            simt_add(&bins[key >> shift & (SCAN_BINS - 1)], 1);
    }
    simt_barrier();
    if (bins[simt_thread])
        simt_add(&s.bins[q * SCAN_BINS + simt_thread], bins[simt_thread]);
}

/* One block a query: the digit in which the last of the best lies. */
SIMT_KERNEL narrow_kernel(scan_step s, unsigned at)
{
    const unsigned q = simt_block_y, shift = 56 - 8 * at;
    scan_state *state = &s.states[q];
    uint32_t *bins = s.bins + q * SCAN_BINS;

    if (simt_thread == 0 && !state->done) {
        unsigned digit = SCAN_BINS; /* of the bins from here on all keys are among the best */
        while (digit && bins[digit - 1] < state->left)
            state->left -= bins[--digit];
        if (!digit) { /* fewer rows than wanted: all that have a key */
            state->least = (uint64_t)1 << 32;
            state->done = 1;
        } else {
            state->least |= (uint64_t)(digit - 1) << shift;
            state->done = bins[digit - 1] == state->left; /* all that begin so, too */
        }
    }
    simt_barrier();
    bins[simt_thread] = 0;
}

SIMT_KERNEL collect_kernel(scan_step s)
{
    const unsigned q = simt_block_y, rows = (unsigned)s.rows.rows;
    const unsigned first = simt_block_x * SIMT_MAX_THREADS * ROWS_THREAD;
    const uint32_t *keys = s.keys + (size_t)q * rows;
    scan_state *state = &s.states[q];

    for (unsigned i = 0; i < ROWS_THREAD; i++) {
        const unsigned row = first + i * SIMT_MAX_THREADS + simt_thread;
        if (row >= rows || !keys[row] || whole_key(keys[row], row) < state->least)
            continue;
        const uint32_t at = simt_add(&state->found, 1);
        if (at < s.keep)
            s.hits[(size_t)q * s.keep + at] = device_code_hit{row, score_of(keys[row])};
    }
}

void step_scan_select(const scan_step *of)
{
    const scan_step s = *of;
    const unsigned a_block = SIMT_MAX_THREADS * ROWS_THREAD,
                   blocks = (unsigned)((s.rows.rows + a_block - 1) / a_block);

    SIMT_RUN(start_kernel, 1, s.n, SIMT_MAX_THREADS, s);
    for (unsigned at = 0; at < DIGITS; at++) {
        SIMT_RUN(count_kernel, blocks, s.n, SIMT_MAX_THREADS, s, at);
        SIMT_RUN(narrow_kernel, 1, s.n, SIMT_MAX_THREADS, s, at);
    }
    SIMT_RUN(collect_kernel, blocks, s.n, SIMT_MAX_THREADS, s);
}
