/* tokens.c - bearer tokens: a file of hashes, and the question who holds one.
 *
 * The file has a line a token: NAME ROLE SHA256 [COLLECTION,... [GROUP,... [RATE]]], words apart by one or more
 * blanks; "*" stands for all collections, "-" for no group, RATE is requests a second; '#' begins a comment line. A token is "cairn_" and 256 random bits in base64url, so its plain
 * SHA-256 is enough: there is nothing to guess that a slow hash would have to protect. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "server/inside.h"

#define HASH_BYTES  32
#define TOKEN_BYTES 32
#define MAX_TOKENS  10000
#define LINE_BYTES  2048
#define RATE_MOST   1e6

typedef struct token {
    service_caller caller;
    unsigned char hash[HASH_BYTES];
} token;

struct token_table {
    token *all;
    size_t n;
};

const char *service_role_name(service_role role)
{
    static const char *const names[] = {"nobody", "read", "write", "admin"};

    return names[role];
}

bool service_role_parse(const char *text, service_role *out)
{
    for (service_role r = SERVICE_READ; r <= SERVICE_ADMIN; r++)
        if (!strcmp(text, service_role_name(r))) {
            *out = r;
            return true;
        }
    return false;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hash(const char *hex, unsigned char out[HASH_BYTES])
{
    if (strlen(hex) != 2 * HASH_BYTES)
        return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static bool parse_rate(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return *text >= '0' && *text <= '9' && !*end && *out > 0 && *out <= RATE_MOST;
}

static bool parse_line(char *line, token *out)
{
    char *save = NULL, *name = strtok_r(line, " \t\r\n", &save), *role, *hash, *collections,
         *groups, *rate;

    role = name ? strtok_r(NULL, " \t\r\n", &save) : NULL;
    hash = role ? strtok_r(NULL, " \t\r\n", &save) : NULL;
    collections = hash ? strtok_r(NULL, " \t\r\n", &save) : NULL;
    groups = collections ? strtok_r(NULL, " \t\r\n", &save) : NULL;
    rate = groups ? strtok_r(NULL, " \t\r\n", &save) : NULL;
    *out = (token){0};
    if (!hash || (rate && (strtok_r(NULL, " \t\r\n", &save) || !parse_rate(rate, &out->caller.rate))) ||
        (groups && strlen(groups) >= sizeof out->caller.groups) ||
        strlen(name) >= sizeof out->caller.name ||
        (collections && strlen(collections) >= sizeof out->caller.collections))
        return false;
    strcpy(out->caller.name, name);
    if (collections && strcmp(collections, "*"))
        strcpy(out->caller.collections, collections);
    if (groups && strcmp(groups, "-"))
        strcpy(out->caller.groups, groups);
    return service_role_parse(role, &out->caller.role) && parse_hash(hash, out->hash);
}

static cairn_status read_lines(token_table *t, FILE *f, const char *path, cairn_error *err)
{
    char line[LINE_BYTES];
    size_t number = 0;
    token *more;

    while (fgets(line, sizeof line, f)) {
        size_t blank = strspn(line, " \t\r\n");
        number++;
        if (!line[blank] || line[blank] == '#')
            continue;
        if (t->n == MAX_TOKENS)
            return cairn_fail(err, CAIRN_ELIMIT, "%s holds more than %d tokens", path, MAX_TOKENS);
        more = realloc(t->all, (t->n + 1) * sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "tokens");
        t->all = more;
        if (!strchr(line, '\n') && !feof(f))
            return cairn_fail(err, CAIRN_EUSAGE, "%s, line %zu is too long", path, number);
        if (!parse_line(line, &t->all[t->n]))
            return cairn_fail(err, CAIRN_EUSAGE,
                              "%s, line %zu: a line is NAME read|write|admin SHA256 "
                              "[COLLECTION,...|* [GROUP,...|- [RATE]]]", path, number);
        t->n++;
    }
    return ferror(f) ? cairn_fail_errno(err, errno, "read %s", path) : CAIRN_OK;
}

cairn_status token_table_read(token_table **out, const char *path, cairn_error *err)
{
    token_table *t = calloc(1, sizeof *t);
    struct stat info;
    FILE *f = NULL;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "tokens");
    f = fopen(path, "re");
    if (!f && errno != ENOENT)
        st = cairn_fail_errno(err, errno, "open %s", path);
    if (f && (fstat(fileno(f), &info) || (info.st_mode & 022)))
        st = cairn_fail(err, CAIRN_EUSAGE, "%s may be written by others: chmod 600 it", path);
    if (f && !st)
        st = read_lines(t, f, path, err);
    if (f)
        fclose(f);
    if (st)
        token_table_destroy(t);
    else
        *out = t;
    return st;
}

void token_table_destroy(token_table *t)
{
    if (t)
        free(t->all);
    free(t);
}

size_t token_table_size(const token_table *t)
{
    return t->n;
}

bool token_table_find(const token_table *t, const char *bearer, service_caller *out)
{
    unsigned char hash[HASH_BYTES];
    const token *found = NULL;

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, bearer, strlen(bearer), hash))
        return false;
    for (size_t i = 0; i < t->n; i++)
        if (!gnutls_memcmp(hash, t->all[i].hash, HASH_BYTES))
            found = &t->all[i];
    if (found)
        *out = found->caller;
    return found != NULL;
}

bool token_table_named(const token_table *t, const char *name, service_caller *out)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->all[i].caller.name, name)) {
            *out = t->all[i].caller;
            return true;
        }
    return false;
}

/* ---- making one ---- */

/* "cairn_" and n bytes in letters that a header and a file name may hold. */
static bool spell(const unsigned char *secret, size_t n, char out[80])
{
    bytes text;
    bool good;

    bytes_init(&text, 79);
    good = !bytes_append_str(&text, "cairn_") && !base64url_append(&text, secret, n);
    if (good)
        memcpy(out, text.data, text.len + 1);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    bytes_clear(&text);
    return good;
}

static bool good_word(const char *text, size_t cap)
{
    size_t n = strlen(text);

    return n && n < cap && !strpbrk(text, " \t\r\n#");
}

/* One write at the end of the file: whole lines, also when two do it at once. */
static cairn_status append_line(const char *path, const char *line, size_t len, cairn_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    cairn_status st = CAIRN_OK;

    if (fd < 0)
        return cairn_fail_errno(err, errno, "open %s", path);
    if (write(fd, line, len) != (ssize_t)len || fsync(fd))
        st = cairn_fail_errno(err, errno, "write %s", path);
    if (close(fd) && !st)
        st = cairn_fail_errno(err, errno, "write %s", path);
    return st;
}

cairn_status service_token_add(const char *token_file, const char *name, service_role role,
                               const char *collections, const char *groups, double rate,
                               char out[80], cairn_error *err)
{
    unsigned char secret[TOKEN_BYTES], hash[HASH_BYTES];
    char line[LINE_BYTES], hex[2 * HASH_BYTES + 1], limit[24] = "";
    service_caller nobody;
    int n;

    if (!good_word(name, sizeof nobody.name) || strpbrk(name, ",*") || !strcmp(name, "local") ||
        (collections && !good_word(collections, sizeof nobody.collections)) ||
        (groups && (!good_word(groups, sizeof nobody.groups) || strchr(groups, '*'))))
        return cairn_fail(err, CAIRN_EUSAGE, "a token's name, its collections and its groups are words "
                                             "without blanks, # and *");
    if (rate < 0 || rate > RATE_MOST || (rate > 0 && rate < 0.0001))
        return cairn_fail(err, CAIRN_EUSAGE, "a token's rate is 0.0001 to %g requests a second", RATE_MOST);
    if (rate > 0 && !groups)
        groups = "-";
    if (groups && !collections)
        collections = "*";
    if (rate > 0)
        snprintf(limit, sizeof limit, " %.4f", rate);
    if (gnutls_rnd(GNUTLS_RND_KEY, secret, sizeof secret))
        return cairn_fail(err, CAIRN_EIO, "no random numbers");
    if (!spell(secret, sizeof secret, out))
        return cairn_fail(err, CAIRN_ENOMEM, "a token");
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, out, strlen(out), hash))
        return cairn_fail(err, CAIRN_EIO, "SHA-256 failed");
    for (size_t i = 0; i < HASH_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    n = snprintf(line, sizeof line, "%s %s %s%s%s%s%s%s\n", name, service_role_name(role), hex,
                 collections ? " " : "", collections ? collections : "", groups ? " " : "",
                 groups ? groups : "", limit);
    if (n < 0 || (size_t)n >= sizeof line)
        return cairn_fail(err, CAIRN_EUSAGE, "the token's collections are too long");
    return append_line(token_file, line, (size_t)n, err);
}
