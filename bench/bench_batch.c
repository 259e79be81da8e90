/* bench_batch.c - several clients at once over one model: tokens a second of all together and the
 * time to the first token, one JSON line a number of clients.
 *
 * Every client asks once: a prompt of --prompt tokens of which the first --shared are the same for
 * all, --tg tokens of answer. All ask at the same moment. With --tree 0 nothing is shared.
 *
 * usage: bench_batch MODEL.gguf [--clients 1,4,16] [--prompt 200] [--shared 40] [--tg 64]
 *                    [--threads 0] [--drafts 0] [--tree 1] [--weights FOLDER] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "generate/decode/batcher.h"

#define MAX_CLIENTS 256

typedef struct client {
    batcher *b;
    token_id *prompt;
    size_t n;
    generate_params p;
    generate_result r;
    cairn_status st;
} client;

static void *ask(void *ctx)
{
    client *c = ctx;
    c->st = batcher_run(c->b, c->prompt, c->n, &c->p, 0, 0, &c->r, NULL);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double process_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct options {
    size_t clients[16], n_clients, prompt, shared, tg, threads, drafts, tree;
    const char *model, *weights;
} options;

/* Any ids do, as long as clients differ behind the shared beginning. */
static void fill_prompt(token_id *ids, const options *o, uint64_t seed)
{
    for (size_t i = 0; i < o->prompt; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        ids[i] = i < o->shared ? (token_id)(300 + i) : (token_id)(300 + (seed >> 33) % 20000);
    }
}

static int run(generator *g, const options *o, size_t n)
{
    batcher_options bo = {.n_ctx = o->prompt + o->tg + 8, .max_active = n, .max_queued = n,
                          .n_kv = n * (o->prompt + o->tg + 72), .n_threads = o->threads,
                          .max_kept = o->tree ? 0 : 1 /* token */};
    client *clients = calloc(n, sizeof *clients);
    pthread_t threads[MAX_CLIENTS];
    int64_t ttft[MAX_CLIENTS], start;
    size_t tokens = 0, cached = 0;
    double wall, cpu;
    cairn_error err;
    batcher_stats s;
    batcher *b;

    if (!clients || batcher_create(&b, g, &bo, &err)) {
        fprintf(stderr, "bench_batch: %s\n", clients ? err.text : "no memory");
        return 5;
    }
    for (size_t i = 0; i < n; i++) {
        clients[i] = (client){.b = b, .n = o->prompt,
                              .p = {.max_tokens = o->tg, .ignore_end = true,
                                    .no_drafts = !o->drafts}};
        clients[i].prompt = calloc(o->prompt, sizeof(token_id));
        if (!clients[i].prompt)
            return 5;
        fill_prompt(clients[i].prompt, o, i + 1);
    }
    start = clock_mono_ns();
    cpu = process_cpu();
    for (size_t i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, ask, &clients[i]))
            return 5;
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    wall = (double)(clock_mono_ns() - start) / 1e9;
    cpu = process_cpu() - cpu;
    for (size_t i = 0; i < n; i++) {
        if (clients[i].st)
            return 5;
        tokens += clients[i].r.tokens.n;
        cached += clients[i].r.cached_tokens;
        ttft[i] = clients[i].r.ttft_ns;
        generate_result_clear(&clients[i].r);
        free(clients[i].prompt);
    }
    qsort(ttft, n, sizeof *ttft, by_size);
    batcher_get_stats(b, &s);
    printf("{\"clients\":%zu,\"tokens\":%zu,\"cached\":%zu,\"wall_s\":%.3f,\"tokens_s\":%.1f,"
           "\"tokens_cpu_s\":%.1f,\"ttft_p50_s\":%.3f,\"ttft_p95_s\":%.3f,\"passes\":%llu}\n",
           n, tokens, cached, wall, (double)tokens / wall, (double)tokens / cpu,
           (double)ttft[n / 2] / 1e9, (double)ttft[(n - 1) * 95 / 100] / 1e9,
           (unsigned long long)s.passes);
    fflush(stdout);
    batcher_destroy(b);
    free(clients);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_batch MODEL.gguf [--clients N,N] [--prompt N] [--shared N] "
                    "[--tg N] [--threads N] [--drafts 0|1] [--tree 0|1] [--weights FOLDER]\n");
    return 2;
}

static bool take(options *o, const char *name, char *value)
{
    size_t *number = !strcmp(name, "--prompt")    ? &o->prompt
                     : !strcmp(name, "--shared")  ? &o->shared
                     : !strcmp(name, "--tg")      ? &o->tg
                     : !strcmp(name, "--threads") ? &o->threads
                     : !strcmp(name, "--drafts")  ? &o->drafts
                     : !strcmp(name, "--tree")    ? &o->tree
                                                  : NULL;
    if (number) {
        *number = strtoul(value, NULL, 10);
        return *number <= 100000;
    }
    if (!strcmp(name, "--weights")) {
        o->weights = value;
        return true;
    }
    if (strcmp(name, "--clients"))
        return false;
    o->n_clients = 0;
    for (char *part = strtok(value, ","); part && o->n_clients < 16; part = strtok(NULL, ",")) {
        size_t n = strtoul(part, NULL, 10);
        if (n < 1 || n > MAX_CLIENTS)
            return false;
        o->clients[o->n_clients++] = n;
    }
    return o->n_clients > 0;
}

int main(int argc, char **argv)
{
    options o = {.clients = {1, 4, 16}, .n_clients = 3, .prompt = 200, .shared = 40, .tg = 64, .tree = 1};
    generator_options go = {0};
    cairn_error err;
    generator *g;
    int rc = 0;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2))
            o.model = argv[i];
        else if (i + 1 >= argc || !take(&o, argv[i], argv[i + 1]))
            return usage();
        else
            i++;
    }
    if (!o.model || !o.prompt || !o.tg || o.shared > o.prompt)
        return usage();
    go.weights = (weight_cache_options){o.weights, UINT64_MAX};
    if (generator_open(&g, o.model, &go, &err)) {
        fprintf(stderr, "bench_batch: %s\n", err.text);
        return 5;
    }
    for (size_t i = 0; !rc && i < o.n_clients; i++)
        rc = run(g, &o, o.clients[i]);
    generator_close(g);
    return rc;
}
