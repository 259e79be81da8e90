/* rules.c - see rules.h.
 *
 * Matching goes part by part, a part being what stands between two slashes. Within a part a star is
 * tried short first and only the last one is ever lengthened, which is enough: whatever an earlier
 * star could take, the later one can take as well. The same holds for double stars among the parts.
 * So a hostile pattern costs a product of lengths, never a power. */
#include "ingest/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

typedef struct rule {
    const char *written; /* the line, for the reason */
    const char *pattern; /* in the set's text, not terminated */
    size_t len, line;
    bool take;    /* begins with '!' */
    bool folders; /* ends with '/' */
    bool bound;   /* holds a '/' before its end: relative to the folder of its file */
} rule;

struct rule_set {
    char *source;
    char *text, *lines; /* `lines`: the same text cut at line ends, for reasons */
    size_t base_len;
    rule *rule;
    size_t n;
};

void rules_init(rules *r)
{
    *r = (rules){0};
}

static void free_set(rule_set *s)
{
    if (!s)
        return;
    free(s->source);
    free(s->text);
    free(s->lines);
    free(s->rule);
    free(s);
}

void rules_pop(rules *r, size_t n)
{
    while (r->n > n)
        free_set(r->set[--r->n]);
}

void rules_clear(rules *r)
{
    rules_pop(r, 0);
    free(r->set);
    *r = (rules){0};
}

/* ---- matching ---- */

/* One character of a part against pattern[*p...]; *p steps behind what stands for it. */
static bool match_one(const char *pattern, size_t n, size_t *p, unsigned char c)
{
    size_t i = *p;

    if (pattern[i] == '[') {
        size_t k = i + 1, first;
        bool inverse = k < n && (pattern[k] == '!' || pattern[k] == '^'), in = false;
        k += inverse;
        for (first = k; k < n && (pattern[k] != ']' || k == first); k++) {
            unsigned char low, high;
            if (pattern[k] == '\\' && k + 1 < n)
                k++;
            low = high = (unsigned char)pattern[k];
            if (k + 2 < n && pattern[k + 1] == '-' && pattern[k + 2] != ']') {
                k += 2;
                if (pattern[k] == '\\' && k + 1 < n)
                    k++;
                high = (unsigned char)pattern[k];
            }
            in |= low <= c && c <= high;
        }
        if (k < n) {
            *p = k + 1;
            return in != inverse;
        } /* no end: the bracket stands for itself */
    }
    if (pattern[i] == '\\' && i + 1 < n)
        i++;
    *p = i + 1;
    return (unsigned char)pattern[i] == c;
}

/* Bytes of the character that begins at s; broken UTF-8 counts byte by byte. */
static size_t character(const char *s, size_t len)
{
    size_t n = 1;

    if ((unsigned char)s[0] >= 0xC0)
        while (n < len && n < 4 && ((unsigned char)s[n] & 0xC0) == 0x80)
            n++;
    return n;
}

static bool match_part(const char *pattern, size_t n, const char *part, size_t len)
{
    size_t p = 0, at = 0, star = SIZE_MAX, star_at = 0;

    while (at < len) {
        size_t next = p;
        if (p < n && pattern[p] == '*') {
            star = ++p;
            star_at = at;
        } else if (p < n && pattern[p] == '?') {
            p++;
            at += character(part + at, len - at);
        } else if (p < n && match_one(pattern, n, &next, (unsigned char)part[at])) {
            p = next;
            at++;
        } else if (star != SIZE_MAX) {
            p = star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (p < n && pattern[p] == '*')
        p++;
    return p == n;
}

static size_t part_length(const char *s, size_t len)
{
    const char *slash = memchr(s, '/', len);

    return slash ? (size_t)(slash - s) : len;
}

bool rules_match(const char *pattern, size_t n, const char *path, size_t len)
{
    size_t p = 0, at = 0, star = SIZE_MAX, star_at = 0;

    for (;;) {
        size_t pn = p <= n ? part_length(pattern + p, n - p) : 0;
        if (p <= n && pn == 2 && !memcmp(pattern + p, "**", 2)) {
            if (p + pn >= n)
                return at < len; /* "a/" and a double star: whatever is inside */
            star = p += pn + 1;
            star_at = at;
            continue;
        }
        if (p <= n && at <= len) {
            size_t an = part_length(path + at, len - at);
            if (match_part(pattern + p, pn, path + at, an)) {
                p += pn + 1;
                at += an + 1;
                if (p == n + 1 && at == len + 1)
                    return true;
                if (p <= n && at <= len)
                    continue;
            }
        }
        if (star == SIZE_MAX)
            return false;
        star_at += part_length(path + star_at, len - star_at) + 1;
        if (star_at > len)
            return false;
        p = star;
        at = star_at;
    }
}

/* ---- reading ---- */

/* One line to a rule; false when it says nothing. */
static bool read_line(rule *r, const char *s, size_t len, size_t number)
{
    *r = (rule){.line = number};
    if (len && s[len - 1] == '\r')
        len--;
    while (len && s[len - 1] == ' ' && !(len > 1 && s[len - 2] == '\\'))
        len--;
    if (!len || s[0] == '#')
        return false;
    if (s[0] == '!') {
        r->take = true;
        s++;
        len--;
    }
    if (len && s[len - 1] == '/') {
        r->folders = true;
        len--;
    }
    r->bound = len && memchr(s, '/', len) != NULL;
    if (len && s[0] == '/') {
        s++;
        len--;
    }
    r->pattern = s;
    r->len = len;
    return len > 0 && len <= 1024;
}

static cairn_status read_lines(rule_set *set, size_t len, cairn_error *err)
{
    size_t cap = 0, number = 0;

    for (size_t at = 0; at < len; number++) {
        const char *end = memchr(set->text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - set->text) - at : len - at;
        rule r;

        if (number >= RULES_FILE_LINES)
            return cairn_fail(err, CAIRN_ELIMIT, "%s: more than %zu lines", set->source,
                              RULES_FILE_LINES);
        if (read_line(&r, set->text + at, n, number + 1)) {
            if (set->n == cap) {
                rule *more = checked_realloc(set->rule, cap = cap ? cap * 2 : 16, sizeof *more);
                if (!more)
                    return cairn_fail(err, CAIRN_ENOMEM, "the rules of %s", set->source);
                set->rule = more;
            }
            r.written = set->lines + at;
            set->rule[set->n++] = r;
        }
        set->lines[at + n - (n && set->lines[at + n - 1] == '\r')] = 0;
        at += n + 1;
    }
    return CAIRN_OK;
}

cairn_status rules_push(rules *r, const char *source, size_t base_len, const char *text, size_t len,
                        cairn_error *err)
{
    rule_set *set;
    cairn_status st;

    if (len > RULES_FILE_BYTES)
        return cairn_fail(err, CAIRN_ELIMIT, "%s: more than %zu bytes of rules", source,
                          RULES_FILE_BYTES);
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 16;
        rule_set **more = checked_realloc(r->set, cap, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "the rules of %s", source);
        r->set = more;
        r->cap = cap;
    }
    set = calloc(1, sizeof *set);
    if (set) {
        set->base_len = base_len;
        set->source = strdup(source);
        set->text = malloc(len + 1);
        set->lines = malloc(len + 1);
    }
    if (!set || !set->source || !set->text || !set->lines) {
        free_set(set);
        return cairn_fail(err, CAIRN_ENOMEM, "the rules of %s", source);
    }
    memcpy(set->text, text, len);
    memcpy(set->lines, text, len);
    set->text[len] = set->lines[len] = 0;
    st = read_lines(set, len, err);
    if (st)
        free_set(set);
    else
        r->set[r->n++] = set;
    return st;
}

/* The file's bytes, at most one more than allowed, so that too many are noticed. */
static cairn_status read_rules(int fd, char **out, size_t *len, cairn_error *err)
{
    char *text = malloc(RULES_FILE_BYTES + 1);
    size_t n = 0;
    ssize_t got = 1;

    if (!text)
        return cairn_fail(err, CAIRN_ENOMEM, "an ignore file");
    while (got > 0 && n <= RULES_FILE_BYTES) {
        got = read(fd, text + n, RULES_FILE_BYTES + 1 - n);
        if (got > 0)
            n += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (got < 0) {
        free(text);
        return cairn_fail(err, CAIRN_EINPUT, "an ignore file that cannot be read: %s",
                          strerror(errno));
    }
    *out = text;
    *len = n;
    return CAIRN_OK;
}

/* Closes fd. */
static cairn_status push_fd(rules *r, int fd, const char *source, size_t base_len, cairn_error *err)
{
    char *text = NULL;
    size_t len = 0;
    struct stat sb;
    cairn_status st = CAIRN_OK;

    if (fstat(fd, &sb) || !S_ISREG(sb.st_mode))
        st = cairn_fail(err, CAIRN_EINPUT, "%s: an ignore file that is not a regular file", source);
    if (!st)
        st = read_rules(fd, &text, &len, err);
    if (!st)
        st = rules_push(r, source, base_len, text, len, err);
    free(text);
    close(fd);
    return st;
}

cairn_status rules_push_file(rules *r, int dirfd, const char *name, const char *folder,
                             cairn_error *err)
{
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t folder_len = strlen(folder);
    char *source = NULL;
    cairn_status st;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? CAIRN_OK
                   : cairn_fail(err, CAIRN_EINPUT, "the ignore file %s/%s: %s", folder, name,
                                strerror(errno));
    while (folder_len && folder[folder_len - 1] == '/')
        folder_len--;
    if (asprintf(&source, "%.*s/%s", (int)folder_len, folder, name) < 0) {
        close(fd);
        return cairn_fail(err, CAIRN_ENOMEM, "an ignore file");
    }
    st = push_fd(r, fd, source, folder_len, err);
    free(source);
    return st;
}

cairn_status rules_push_path(rules *r, const char *path, size_t base_len, cairn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return cairn_fail(err, CAIRN_EINPUT, "the ignore file %s: %s", path, strerror(errno));
    return push_fd(r, fd, path, base_len, err);
}

/* ---- deciding ---- */

static bool matches(const rule *r, const char *path, size_t len, bool is_folder)
{
    if (r->folders && !is_folder)
        return false;
    if (!r->bound) { /* the name alone, wherever it lies */
        const char *slash = memrchr(path, '/', len);
        size_t skip = slash ? (size_t)(slash - path) + 1 : 0;
        return match_part(r->pattern, r->len, path + skip, len - skip);
    }
    return rules_match(r->pattern, r->len, path, len);
}

rules_verdict rules_check(const rules *r, const char *path, bool is_folder, rules_reason *why)
{
    size_t len = strlen(path);

    for (size_t i = r->n; i-- > 0;) {
        const rule_set *set = r->set[i];
        if (set->base_len + 1 >= len)
            continue;
        for (size_t k = set->n; k-- > 0;) {
            const rule *x = &set->rule[k];
            if (!matches(x, path + set->base_len + 1, len - set->base_len - 1, is_folder))
                continue;
            if (why)
                *why = (rules_reason){set->source, x->line, x->written};
            return x->take ? RULES_TAKE : RULES_IGNORE;
        }
    }
    return RULES_SILENT;
}
