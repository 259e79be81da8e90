/* access.c - see access.h. A rule is filter predicates over the uri, for a segment's columns and for one uri
 * alike (filter.h), so that both say the same. */
#include "engine/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/sections.h"
#include "base/utf8.h"

#define FILE_MOST  ((size_t)4 << 20)
#define RULES_MOST 4096

/* A pattern without wildcards is a name: the uri itself, or what begins with it and "/" or "!/". */
typedef struct rule {
    bool open; /* to our principals */
    bool glob;
    char *name, *below, *inside;
} rule;

struct access_rules {
    char *principals, *path;
    rule *rules;
    size_t n;
    struct stat seen; /* of the file that was read; all zero: none; all ones: it is to be read again */
    bool taken; /* the rules are those of a text of this name */
    uint64_t name;
    uint64_t version;
};

/* ---- reading ---- */

static void rules_clear(access_rules *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->rules[i].name);
        free(a->rules[i].below);
        free(a->rules[i].inside);
    }
    free(a->rules);
    a->rules = NULL;
    a->n = 0;
}

/* Is word[0, len) in the list with commas between? */
static bool in_list(const char *list, const char *word, size_t len)
{
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ",");
        if (n == len && !memcmp(at, word, len))
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* Does one of the line's principals stand for us? */
static bool names_us(const access_rules *a, const char *who, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        while (at + n < len && who[at + n] != ',')
            n++;
        if ((n == 1 && who[at] == '*') || (n && in_list(a->principals, who + at, n)))
            return true;
        at += n + 1;
    }
    return false;
}

static cairn_status make_rule(rule *r, const char *what, size_t len, cairn_error *err)
{
    r->glob = memchr(what, '*', len) || memchr(what, '?', len);
    while (!r->glob && len > 1 && what[len - 1] == '/')
        len--;
    r->name = strndup(what, len);
    if (r->name && !r->glob && (asprintf(&r->below, "%s%s", r->name, len == 1 && *what == '/' ? "" : "/") < 0))
        r->below = NULL;
    if (r->name && !r->glob && asprintf(&r->inside, "%s!/", r->name) < 0)
        r->inside = NULL;
    return r->name && (r->glob || (r->below && r->inside)) ? CAIRN_OK
                                                           : cairn_fail(err, CAIRN_ENOMEM, "rules");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One line without its break; nothing for an empty one and a comment. */
static cairn_status read_line(access_rules *a, const char *line, size_t len, const char *why,
                              cairn_error *err)
{
    size_t who = 0, what;

    while (len && (is_blank(line[len - 1]) || line[len - 1] == '\r'))
        len--;
    while (len && is_blank(*line)) {
        line++;
        len--;
    }
    if (!len || *line == '#')
        return CAIRN_OK;
    if (!utf8_valid(line, len) || memchr(line, 0, len))
        return cairn_fail(err, CAIRN_EINPUT, "%s is no text", why);
    while (who < len && !is_blank(line[who]))
        who++;
    for (what = who; what < len && is_blank(line[what]);)
        what++;
    if (what == len)
        return cairn_fail(err, CAIRN_EINPUT, "%s says who, but not what: PRINCIPAL,... PATTERN", why);
    if (a->n == RULES_MOST)
        return cairn_fail(err, CAIRN_ELIMIT, "%s: at most %d rules", why, RULES_MOST);
    a->rules[a->n] = (rule){.open = names_us(a, line, who)};
    return make_rule(&a->rules[a->n++], line + what, len - what, err);
}

static cairn_status read_rules(access_rules *a, const char *text, size_t len, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    size_t number = 1;
    char why[4200];

    rules_clear(a);
    a->rules = calloc(RULES_MOST, sizeof *a->rules);
    if (!a->rules)
        return cairn_fail(err, CAIRN_ENOMEM, "rules");
    for (size_t at = 0; !st && at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;
        snprintf(why, sizeof why, "%s line %zu", a->path, number);
        st = read_line(a, text + at, n, why, err);
        at += n + 1;
    }
    return st;
}

static cairn_status read_file(int fd, const char *path, bytes *out, cairn_error *err)
{
    char buf[65536];
    ssize_t n;

    while ((n = read(fd, buf, sizeof buf)) > 0)
        if (bytes_append(out, buf, (size_t)n))
            return cairn_fail(err, CAIRN_ELIMIT, "%s is larger than %zu bytes", path, FILE_MOST);
    return n ? cairn_fail_errno(err, errno, "read %s", path) : CAIRN_OK;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

cairn_status access_refresh(access_rules *a, cairn_error *err)
{
    struct stat now = {0};
    bytes text;
    int64_t seen_ns = clock_wall_ns();
    uint64_t name = 0;
    int fd = -1;
    cairn_status st = CAIRN_OK;

    if (stat(a->path, &now) && errno != ENOENT)
        return cairn_fail_errno(err, errno, "look at %s", a->path);
    if (a->version && same_file(&now, &a->seen))
        return CAIRN_OK;
    bytes_init(&text, FILE_MOST);
    fd = open(a->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        st = cairn_fail_errno(err, errno, "open %s", a->path);
    memset(&now, 0, sizeof now);
    if (fd >= 0 && fstat(fd, &now))
        st = cairn_fail_errno(err, errno, "look at %s", a->path);
    if (!st && fd >= 0)
        st = read_file(fd, a->path, &text, err);
    if (!st)
        name = XXH3_64bits(text.data, text.len);
    if (!st && !(a->taken && a->name == name)) {
        a->taken = false;
        st = read_rules(a, text.data, text.len, err);
        a->version += !st;
    }
    if (fd >= 0)
        close(fd);
    bytes_clear(&text);
    if (st) { /* whoever comes next looks again, and fails again */
        a->taken = false;
        memset(&a->seen, 0xff, sizeof a->seen);
        return st;
    }
    a->taken = true;
    a->name = name;
    a->seen = now;
    if (clock_same_tick(clock_stored_ns(now.st_mtim), seen_ns) || clock_same_tick(clock_stored_ns(now.st_ctim), seen_ns))
        memset(&a->seen, 0xff, sizeof a->seen); /* they may be written again and look the same */
    return CAIRN_OK;
}

cairn_status access_take(access_rules *a, const char *text, size_t len, cairn_error *err)
{
    uint64_t name = XXH3_64bits(text, len);
    cairn_status st;

    if (a->version && a->taken && a->name == name)
        return CAIRN_OK;
    a->taken = false; /* whoever comes next reads them again, and fails again */
    st = len > FILE_MOST ? cairn_fail(err, CAIRN_ELIMIT, "rules may have %zu bytes", FILE_MOST)
                         : read_rules(a, text, len, err);
    if (st)
        return st;
    a->taken = true;
    a->name = name;
    a->version++;
    return CAIRN_OK;
}

cairn_status access_create(access_rules **out, const char *principals, const char *path, cairn_error *err)
{
    access_rules *a = calloc(1, sizeof *a);

    *out = NULL;
    if (a) {
        a->principals = strdup(principals);
        a->path = strdup(path);
    }
    if (!a || !a->principals || !a->path) {
        access_destroy(a);
        return cairn_fail(err, CAIRN_ENOMEM, "rules");
    }
    *out = a;
    return CAIRN_OK;
}

void access_destroy(access_rules *a)
{
    if (!a)
        return;
    rules_clear(a);
    free(a->principals);
    free(a->path);
    free(a);
}

cairn_status access_check(const char *text, size_t len, cairn_error *err)
{
    access_rules *a;
    cairn_status st = access_create(&a, "", "access", err);

    if (!st && len > FILE_MOST)
        st = cairn_fail(err, CAIRN_ELIMIT, "rules may have %zu bytes", FILE_MOST);
    if (!st)
        st = read_rules(a, text, len, err);
    access_destroy(a);
    return st;
}

uint64_t access_version(const access_rules *a)
{
    return a->version;
}

/* ---- asking ---- */

/* The rule's expressions: it fits where one of them holds. Returns how many. */
static size_t expressions(const rule *r, filter_value values[4], filter_predicate predicates[4],
                          filter_expr out[3])
{
    values[0] = values[3] = (filter_value){.text = r->name};
    predicates[0] = (filter_predicate){.field = FILTER_URI, .op = r->glob ? FILTER_GLOB : FILTER_EQ,
                                       .values = &values[0], .n_values = 1};
    /* Equality folds case, a beginning does not: both together are the name itself. */
    predicates[1] = (filter_predicate){.field = FILTER_URI, .op = FILTER_PREFIX, .values = &values[3],
                                       .n_values = 1};
    out[0] = (filter_expr){predicates, r->glob ? 1 : 2};
    if (r->glob)
        return 1;
    values[1] = (filter_value){.text = r->below};
    values[2] = (filter_value){.text = r->inside};
    for (size_t i = 1; i <= 2; i++) {
        predicates[i + 1] = (filter_predicate){.field = FILTER_URI, .op = FILTER_PREFIX,
                                               .values = &values[i], .n_values = 1};
        out[i] = (filter_expr){&predicates[i + 1], 1};
    }
    return 3;
}

static bool fits(const rule *r, const filter_row *row)
{
    filter_value values[4];
    filter_predicate predicates[4];
    filter_expr e[3];
    size_t n = expressions(r, values, predicates, e);

    for (size_t i = 0; i < n; i++)
        if (filter_matches(row, &e[i]))
            return true;
    return false;
}

bool access_allows(const access_rules *a, const char *uri)
{
    filter_row row = {.uri = uri};

    for (size_t i = a->n; i-- > 0;)
        if (fits(&a->rules[i], &row))
            return a->rules[i].open;
    return true;
}

cairn_status access_hidden(const access_rules *a, const filter_reader *rows, uint64_t *bits, bool *any,
                           cairn_error *err)
{
    size_t words = row_set_words(filter_reader_rows(rows));
    uint64_t *found = calloc(words + 1, sizeof *found);
    cairn_status st = found ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "hidden rows");

    memset(bits, 0, words * sizeof *bits);
    *any = false;
    for (size_t i = 0; !st && i < a->n; i++) {
        filter_value values[4];
        filter_predicate predicates[4];
        filter_expr e[3];
        size_t n = expressions(&a->rules[i], values, predicates, e);
        for (size_t j = 0; !st && j < n; j++) {
            st = filter_eval(rows, &e[j], found, NULL, err);
            for (size_t w = 0; !st && w < words; w++)
                bits[w] = a->rules[i].open ? bits[w] & ~found[w] : bits[w] | found[w];
        }
    }
    for (size_t w = 0; w < words; w++)
        *any |= bits[w] != 0;
    free(found);
    return st;
}

cairn_status access_list(const access_rules *a, arena *memory, retrieve_rule **out, size_t *n, cairn_error *err)
{
    retrieve_rule *rules = arena_calloc(memory, a->n + 1, sizeof *rules);

    for (size_t i = 0; rules && i < a->n; i++) {
        filter_value *values = arena_calloc(memory, 4, sizeof *values);
        filter_predicate *predicates = arena_calloc(memory, 4, sizeof *predicates);
        filter_expr *any = arena_calloc(memory, 3, sizeof *any);
        if (!values || !predicates || !any)
            return cairn_fail(err, CAIRN_ENOMEM, "rules");
        rules[i] = (retrieve_rule){.open = a->rules[i].open, .any = any};
        rules[i].n = expressions(&a->rules[i], values, predicates, any);
    }
    *out = rules;
    *n = a->n;
    return rules ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "rules");
}
