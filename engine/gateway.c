/* gateway.c - see gateway.h. */
#include "engine/gateway.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/module.h"
#include "engine/user_data.h"
#include "retrieve/pii.h"

#define REPLY_BYTES  ((size_t)8 << 20)
#define PROMPT_BYTES ((size_t)64 << 20)
#define KEY_BYTES    4096
#define CONNECT_MS   10000
#define LOG_MAX      1000 /* requests */
#define DAY_NS       (INT64_C(86400) * 1000000000)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const gateway_module *module;
static char module_why[256];

static void load(void)
{
    void *handle = module_open("cairn-gateway.so", "CAIRN_GATEWAY_MODULE", "engine", module_why, sizeof module_why);
    const gateway_module *m = handle ? dlsym(handle, GATEWAY_MODULE_SYMBOL) : NULL;

    if (m && m->version == GATEWAY_MODULE_VERSION)
        module = m;
    else if (handle)
        snprintf(module_why, sizeof module_why, "it is of another version of this program");
}

cairn_status gateway_module_get(const gateway_module **out, cairn_error *err)
{
    pthread_once(&once, load);
    *out = module;
    return module ? CAIRN_OK
                  : cairn_fail(err, CAIRN_EUNSUPPORTED, "cairn-gateway.so, which speaks HTTP to others: %s", module_why);
}

/* ---- what may be sent, and where ---- */

bool gateway_safe_address(const char *url)
{
    static const char *const own[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

    if (!strncasecmp(url, "https://", 8))
        return true;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        size_t n = strlen(own[i]);
        if (!strncasecmp(url, own[i], n) && strchr("/:", url[n]))
            return true;
    }
    return false;
}

static int64_t today(void)
{
    return clock_wall_ns() / DAY_NS;
}

static cairn_status spent_today(cairn *c, int64_t *out, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    bool row = false;
    cairn_status st = user_data_open(c, true, &db, err);

    *out = 0;
    if (!st)
        st = user_data_prepare(db, &s, err, "SELECT coalesce(sum(tokens), 0) FROM sent WHERE made >= ?", "i",
                               today() * DAY_NS);
    if (!st)
        st = user_data_step(s, &row, err);
    if (!st && row)
        *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return st;
}

cairn_status gateway_ready(cairn *c, cairn_error *err)
{
    const settings *s = &c->settings;
    int64_t spent;
    cairn_status st;

    if (!*s->gateway_url || !strcmp(s->gateway_use, "off"))
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "no endpoint is configured ([gateway] url and use)");
    if (!gateway_safe_address(s->gateway_url))
        return cairn_fail(err, CAIRN_EUSAGE, "gateway.url must begin with https:// (http:// is for this machine "
                                             "alone), not \"%s\"", s->gateway_url);
    if (!*s->gateway_model)
        return cairn_fail(err, CAIRN_EUSAGE, "gateway.model names no model");
    st = spent_today(c, &spent, err);
    if (!st && (double)spent >= s->gateway_tokens_per_day)
        st = cairn_fail(err, CAIRN_ELIMIT, "the %.0f tokens of today for %s are spent (gateway.tokens_per_day)",
                        s->gateway_tokens_per_day, s->gateway_url);
    return st;
}

/* The first line of the file that the settings name; "" where they name none. */
static cairn_status read_key(const settings *s, char out[KEY_BYTES], cairn_error *err)
{
    struct stat st;
    FILE *f;
    bool got;

    out[0] = '\0';
    if (!*s->gateway_key_file)
        return CAIRN_OK;
    f = fopen(s->gateway_key_file, "re");
    if (!f)
        return cairn_fail(err, CAIRN_EUSAGE, "gateway.key_file %s cannot be read", s->gateway_key_file);
    if (fstat(fileno(f), &st) || (st.st_mode & 077)) {
        fclose(f);
        return cairn_fail(err, CAIRN_EUSAGE, "gateway.key_file %s can be read by others: chmod 600 it",
                          s->gateway_key_file);
    }
    got = fgets(out, KEY_BYTES, f) != NULL;
    fclose(f);
    if (!got)
        out[0] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    for (const char *p = out; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7F)
            return cairn_fail(err, CAIRN_EUSAGE, "gateway.key_file %s holds no key", s->gateway_key_file);
    return CAIRN_OK;
}

/* The messages without what the settings keep at home. */
static cairn_status redacted(const settings *s, const json_t *messages, json_t **out, cairn_error *err)
{
    json_t *list = json_array(), *m;
    unsigned kinds = 0;
    cairn_status st = CAIRN_OK;
    size_t i;

    (void)pii_parse(s->gateway_redact, &kinds); /* checked when the settings were read */
    json_array_foreach((json_t *)messages, i, m) {
        const char *text = json_string_value(json_object_get(m, "content"));
        bytes clean;
        bytes_init(&clean, PROMPT_BYTES);
        st = pii_redact(text, strlen(text), kinds, &clean, NULL);
        if (!st)
            json_array_append_new(list, json_pack("{s:O,s:o}", "role", json_object_get(m, "role"), "content",
                                                  json_stringn(clean.data ? clean.data : "", clean.len)));
        bytes_clear(&clean);
        if (st)
            break;
    }
    if (!st && json_array_size(list) != json_array_size(messages))
        st = CAIRN_ENOMEM;
    if (st) {
        json_decref(list);
        return cairn_fail(err, st, "messages");
    }
    *out = list;
    return CAIRN_OK;
}

/* ---- the log ---- */

static void note(cairn *c, const gateway_reply *r, const char *outcome)
{
    sqlite3 *db;
    cairn_error err = {0};
    cairn_status st = user_data_open(c, true, &db, &err);

    if (!st)
        st = user_data_do(db, &err, "INSERT INTO sent (made, url, model, ms, tokens, outcome) VALUES (?,?,?,?,?,?)",
                          "issiis", clock_wall_ns(), c->settings.gateway_url, c->settings.gateway_model,
                          (int64_t)r->ms, (int64_t)(r->prompt_tokens + r->completion_tokens), outcome);
    if (!st) /* today's are what is counted: they stay */
        st = user_data_do(db, &err,
                          "DELETE FROM sent WHERE made < ? AND id <= (SELECT max(id) FROM sent) - ?", "ii",
                          today() * DAY_NS, (int64_t)LOG_MAX);
    if (st)
        log_write(LOG_LEVEL_WARN, "engine", "a request to an endpoint could not be logged: %s", err.text);
}

/* ---- asking ---- */

static size_t count_of(const json_t *usage, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(usage, key));

    return n > 0 && n < 100000000 ? (size_t)n : 0;
}

/* Take the answer out of a reply; tokens that it does not tell are estimated, four bytes each. */
static cairn_status read_reply(const char *text, size_t len, long http, size_t sent, gateway_reply *out,
                               cairn_error *err)
{
    json_t *j = json_loadb(text, len, 0, NULL);
    json_t *usage = json_object_get(j, "usage"), *problem = json_object_get(j, "error");
    json_t *choice = json_array_get(json_object_get(j, "choices"), 0);
    const char *answer = json_string_value(json_object_get(json_object_get(choice, "message"), "content"));
    const char *said = json_string_value(json_object_get(problem, "message"));
    cairn_status st = CAIRN_OK;

    if (http != 200)
        st = cairn_fail(err, CAIRN_EIO, "it answered with status %ld%s%.200s", http, said ? ": " : "", said ? said : "");
    else if (!answer || !answer[strspn(answer, " \t\r\n")])
        st = cairn_fail(err, CAIRN_EIO, "its reply holds no answer");
    else if (!(out->text = strdup(answer)))
        st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    if (!st) {
        out->prompt_tokens = count_of(usage, "prompt_tokens");
        out->completion_tokens = count_of(usage, "completion_tokens");
        if (!out->prompt_tokens)
            out->prompt_tokens = sent / 4 + 1;
        if (!out->completion_tokens)
            out->completion_tokens = strlen(answer) / 4 + 1;
    }
    json_decref(j);
    return st;
}

static cairn_status send_and_read(const settings *s, const char *body, const char *key,
                                  const volatile sig_atomic_t *cancel, gateway_reply *out, cairn_error *err)
{
    char url[SETTINGS_TEXT + 32], why[GATEWAY_WHY] = "";
    const char *slash = *s->gateway_url && s->gateway_url[strlen(s->gateway_url) - 1] == '/' ? "" : "/";
    gateway_request r = {.url = url,
                         .key = key,
                         .body = body,
                         .body_len = strlen(body),
                         .most_bytes = REPLY_BYTES,
                         .connect_ms = CONNECT_MS,
                         .timeout_ms = (long)(s->gateway_timeout_seconds * 1000),
                         .cancel = cancel};
    int64_t start = clock_mono_ns();
    char *text = NULL;
    size_t len = 0;
    long http = 0;
    cairn_status st;
    int bad;

    snprintf(url, sizeof url, "%s%schat/completions", s->gateway_url, slash);
    bad = module->post(&r, &http, &text, &len, why);
    out->ms = (double)(clock_mono_ns() - start) / 1e6;
    out->unsent = bad == GATEWAY_UNSENT;
    if (bad == GATEWAY_CANCELLED)
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while answering");
    else if (bad)
        st = cairn_fail(err, CAIRN_EIO, "%s", why);
    else
        st = read_reply(text, len, http, r.body_len, out, err);
    /* What was read and came to nothing (no answer in time, none in the reply) is paid for all the same; errors are not. */
    if (st && !out->unsent && http < 400)
        out->prompt_tokens = r.body_len / 4 + 1;
    free(text);
    return st;
}

cairn_status gateway_chat(cairn *c, const json_t *messages, size_t max_tokens, double temperature,
                          const volatile sig_atomic_t *cancel, gateway_reply *out, cairn_error *err)
{
    const settings *s = &c->settings;
    cairn_error problem = {0};
    char key[KEY_BYTES];
    const gateway_module *m;
    json_t *clean = NULL, *body;
    char *text = NULL;
    cairn_status st = gateway_ready(c, err);

    *out = (gateway_reply){0};
    if (st)
        return st;
    st = gateway_module_get(&m, err);
    if (!st)
        st = read_key(s, key, err);
    if (!st)
        st = redacted(s, messages, &clean, err);
    if (st)
        return st;
    body = json_pack("{s:s,s:o,s:I,s:f,s:b}", "model", s->gateway_model, "messages", clean, "max_tokens",
                     (json_int_t)max_tokens, "temperature", temperature, "stream", 0);
    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    st = text ? send_and_read(s, text, key, cancel, out, &problem)
              : cairn_fail(&problem, CAIRN_ENOMEM, "request");
    free(text);
    explicit_bzero(key, sizeof key);
    note(c, out, st ? problem.text : "answered");
    if (st)
        return cairn_fail(err, st, "%s: %s", s->gateway_url, problem.text);
    return CAIRN_OK;
}

/* ---- what was sent ---- */

cairn_status cairn_gateway_state(cairn *c, char *url, size_t cap, cairn_error *err)
{
    snprintf(url, cap, "%s", c->settings.gateway_url);
    return gateway_ready(c, err);
}

cairn_status cairn_sent_list(cairn *c, bool (*fn)(void *ctx, const cairn_sent *s), void *ctx, int64_t *spent,
                             cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    bool row = true;
    cairn_status st = user_data_open(c, false, &db, err);

    if (spent)
        *spent = 0;
    if (st)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    if (spent)
        st = spent_today(c, spent, err);
    if (!st)
        st = user_data_prepare(db, &s, err, "SELECT made, url, model, outcome, ms, tokens FROM sent ORDER BY id DESC",
                               "");
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        cairn_sent x = {.made_ns = sqlite3_column_int64(s, 0),
                        .url = (const char *)sqlite3_column_text(s, 1),
                        .model = (const char *)sqlite3_column_text(s, 2),
                        .outcome = (const char *)sqlite3_column_text(s, 3),
                        .ms = sqlite3_column_int64(s, 4),
                        .tokens = sqlite3_column_int64(s, 5)};
        if (!x.url || !x.model || !x.outcome)
            st = cairn_fail(err, CAIRN_ENOMEM, "log");
        else if (!fn(ctx, &x))
            break;
    }
    sqlite3_finalize(s);
    return st;
}
