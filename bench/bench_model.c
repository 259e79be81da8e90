/* bench_model.c - speeds of a decoder model: prefill, decoding at several depths, time to first token,
 * memory. Takes the options of ../shared/peers/scripts/peer_llama.py and prints one JSON line with the
 * same keys, so that both sides are measured in one run.
 *
 * usage: bench_model MODEL.gguf [--threads 1] [--reps 3] [--pp 128,512,2048] [--depth 0,512,2048]
 *                    [--tg 32] [--ttft 1500] [--weights FOLDER]   (a cache of repacked weights) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/decode/generate.h"

#define MAX_LIST 16

/* Comma-separated numbers; false for anything else. */
static bool read_list(const char *s, size_t *out, size_t *n)
{
    *n = 0;
    while (*s) {
        char *end;
        unsigned long v = strtoul(s, &end, 10);
        if (end == s || v > DECODER_MAX_CTX || *n == MAX_LIST || (*end && *end != ','))
            return false;
        out[(*n)++] = v;
        s = *end ? end + 1 : end;
    }
    return true;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_model MODEL.gguf [--threads N] [--reps N] [--pp N,N] "
                    "[--depth N,N] [--tg N] [--ttft N] [--weights FOLDER]\n");
    return 2;
}

int main(int argc, char **argv)
{
    size_t pp[MAX_LIST] = {128, 512, 2048}, depth[MAX_LIST] = {0, 512, 2048}, one[MAX_LIST], n;
    generate_bench_options o = {.pp = pp, .n_pp = 3, .depth = depth, .n_depth = 3, .tg = 32,
                                .ttft = 1500, .reps = 3, .threads = 1};
    const char *model = NULL;
    cairn_error err = {0};
    json_t *out;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--weights") && value) {
            o.weights = (weight_cache_options){value, UINT64_MAX};
            i++;
            continue;
        }
        size_t *number = !strcmp(argv[i], "--threads") ? &o.threads
                         : !strcmp(argv[i], "--reps")  ? &o.reps
                         : !strcmp(argv[i], "--tg")    ? &o.tg
                         : !strcmp(argv[i], "--ttft")  ? &o.ttft
                                                       : NULL;
        bool ok = true;
        if (strncmp(argv[i], "--", 2)) {
            model = argv[i];
            continue;
        }
        if (!value)
            return usage();
        i++;
        if (number) {
            ok = read_list(value, one, &n) && n == 1;
            *number = ok ? one[0] : 0;
        } else if (!strcmp(argv[i - 1], "--pp")) {
            ok = read_list(value, pp, &o.n_pp);
        } else if (!strcmp(argv[i - 1], "--depth")) {
            ok = read_list(value, depth, &o.n_depth);
        } else {
            ok = false;
        }
        if (!ok)
            return usage();
    }
    if (!model)
        return usage();
    if (generate_bench(&out, model, &o, &err)) {
        fprintf(stderr, "bench_model: %s\n", err.text);
        return 5;
    }
    json_dumpf(out, stdout, JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(out);
    return 0;
}
