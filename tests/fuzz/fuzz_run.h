/* fuzz_run.h - one way to write a fuzz target that runs with and without libFuzzer.
 *
 * With clang and CAIRN_FUZZ, LLVMFuzzerTestOneInput is called by libFuzzer. With CAIRN_FUZZ_REPLAY
 * defined, a main() reads the files named on the command line, and -r N changes each N times with a
 * printed seed (CAIRN_SEED replays), which any compiler can build with its sanitizers. */
#ifndef CAIRN_TESTS_FUZZ_RUN_H
#define CAIRN_TESTS_FUZZ_RUN_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef CAIRN_FUZZ_REPLAY
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t fuzz_state;

static uint32_t fuzz_random(uint32_t n)
{
    fuzz_state ^= fuzz_state << 13;
    fuzz_state ^= fuzz_state >> 7;
    fuzz_state ^= fuzz_state << 17;
    return n ? (uint32_t)(fuzz_state >> 32) % n : 0;
}

/* A heap copy of exactly this size, so that a sanitizer sees one byte too far. */
static void fuzz_once(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    if (!copy)
        abort();
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static size_t fuzz_change(uint8_t *p, size_t n)
{
    for (uint32_t k = 1 + fuzz_random(8); k && n; k--) {
        size_t at = fuzz_random((uint32_t)n);
        switch (fuzz_random(5)) {
        case 0:
            p[at] ^= (uint8_t)(1u << fuzz_random(8));
            break;
        case 1:
            p[at] = (uint8_t)fuzz_random(256);
            break;
        case 2:
            n = at;
            break; /* cut */
        case 3: {  /* a piece again, elsewhere */
            size_t from = fuzz_random((uint32_t)n), len = fuzz_random(64);
            if (from + len <= n && at + len <= n)
                memmove(p + at, p + from, len);
            break;
        }
        default:
            p[at] = (uint8_t) "<>[]()*_`|#&;-\"'/\n\0\xFF"[fuzz_random(20)];
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    const char *env = getenv("CAIRN_SEED");
    unsigned rounds = 0;

    fuzz_state = env ? strtoull(env, NULL, 10) : (uint64_t)time(NULL) * 2654435761u | 1;
    printf("CAIRN_SEED=%llu\n", (unsigned long long)fuzz_state);
    for (int i = 1; i < argc; i++) {
        FILE *f;
        uint8_t *data, *work;
        size_t n;

        if (!strcmp(argv[i], "-r") && i + 1 < argc) {
            rounds = (unsigned)atoi(argv[++i]);
            continue;
        }
        f = fopen(argv[i], "rb");
        if (!f)
            continue;
        data = malloc(1 << 20);
        work = malloc(1 << 20);
        if (!data || !work)
            return 1;
        n = fread(data, 1, 1 << 20, f);
        fclose(f);
        fuzz_once(data, n);
        for (unsigned r = 0; r < rounds; r++) {
            memcpy(work, data, n);
            fuzz_once(work, fuzz_change(work, n));
        }
        free(data);
        free(work);
    }
    return 0;
}
#endif
#endif
