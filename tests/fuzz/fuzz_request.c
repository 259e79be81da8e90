/* fuzz_request - any bytes as what a client sends: a JSON body read by a table of parameters of every kind,
 * an MCP message answered by a service over an empty collection, a Host and an Origin. Nothing is taken
 * out of its bounds, and every answer is JSON. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/http/http.h"
#include "server/mcp/mcp.h"
#include "tests/fuzz/fuzz_run.h"

typedef struct fields {
    const char *text;
    size_t size;
    double number;
    bool on;
    cairn_mode mode;
    json_t *list, *any;
} fields;

static const arg_field table[] = {
    ARG_FIELD(fields, "q", text, ARG_TEXT, true, 1, 100),
    ARG_FIELD(fields, "k", size, ARG_SIZE, false, 1, 1000),
    ARG_FIELD(fields, "x", number, ARG_NUMBER, false, -1, 10),
    ARG_FIELD(fields, "on", on, ARG_BOOL, false, 0, 0),
    ARG_FIELD(fields, "mode", mode, ARG_MODE, false, 0, 0),
    ARG_FIELD(fields, "list", list, ARG_LIST, false, 1, 3),
    ARG_FIELD(fields, "any", any, ARG_ANY, false, 0, 0),
};

static char folder[] = "/tmp/cairn-fuzz-XXXXXX";
static service *served;
static guard *guarding;

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static void clean(void)
{
    service_close(served);
    guard_destroy(guarding);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
    service_options o = {.home = folder, .embedder = "/nonexistent", .generator = "/nonexistent"};
    adapter_options a = {.hosts = "docs.example.org,cairn.local"};

    if (!mkdtemp(folder) || service_open(&served, &o, NULL) || guard_create(&guarding, &a, NULL))
        abort();
    atexit(clean);
}

static void try_args(const char *data, size_t size)
{
    fields f = {.size = 7, .number = 1};
    json_t *args;

    if (args_parse(data, size, &args, NULL))
        return;
    if (!args_read(args, table, ARG_COUNT(table), size % 2, &f, NULL)) {
        if (!f.text || !*f.text || strlen(f.text) > 100 || f.size < 1 || f.size > 1000 ||
            f.number < -1 || f.number > 10 || f.mode > CAIRN_VECTOR ||
            (f.list && (json_array_size(f.list) < 1 || json_array_size(f.list) > 3)))
            abort();
    }
    json_decref(args);
}

static void try_mcp(const char *data, size_t size)
{
    service_caller who;
    json_t *answer;
    char *text;

    if (service_authorise(served, NULL, true, &who, NULL))
        abort();
    answer = mcp_answer(&(mcp_call){.s = served, .caller = &who}, data, size);
    if (!answer)
        return;
    text = json_dumps(answer, JSON_COMPACT);
    if (!text)
        abort();
    free(text);
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        abort();
    if (!served)
        set_up();
    memcpy(text, data, size);
    text[size] = '\0';
    try_args((const char *)data, size);
    try_mcp((const char *)data, size);
    guard_host_ok(guarding, text);
    guard_origin_ok(guarding, text, "docs.example.org");
    free(text);
    return 0;
}
