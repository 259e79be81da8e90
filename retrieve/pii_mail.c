/* pii_mail.c - see pii_mail.h. An address is read in three steps: the part before the sign, the sign,
 * the host. How the sign was written says how much else is asked for: "@" needs a host with a dot,
 * "(at)" likewise, a bare word ("arroba") a host whose dots are words too, and "at" or a sign between
 * blanks, which stand in any sentence, something that speaks of mail as well. */
#include "retrieve/pii_mail.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "retrieve/pii_text.h"

#define LOCAL_MAX   64 /* RFC 5321, 4.5.3.1.1 */
#define LOCAL_PARTS 4
#define HOST_PARTS  6
#define LINE_BEFORE 160 /* bytes in which a command stands before what it is given */

typedef enum sign {
    NO_SIGN,
    PLAIN,     /* @ */
    BRACKETED, /* (at), [@] */
    MARK,      /* a letter in brackets: f(a) is a call, too */
    WORD,      /* arroba: nothing else */
    ENGLISH,   /* at, or " @ " */
} sign;

static const char at_words[] = "at|@|ät|aet|arroba|arrobas|arobase|chiocciola|apenstaartje|snabel-a|małpa|malpa|kukac|собака";
static const char sure_words[] = "ät|arroba|arobase|chiocciola|apenstaartje|snabel-a|małpa|malpa|kukac|собака";
static const char dot_words[] = "dot|punkt|punto|point|ponto|punt|kropka|точка|nokta|pont|piste|prikk|prick|tečka|.";
static const char mail_words[] = "mail|e-mail|reach|contact|kontakt|write|address|adres|schreib|schrift|correo|écri|ecri|scriv|skriv|pisz|пиш|почт|inbox|bcc|recipient|sender";
/* What stands before "at" and is no name of a box. */
static const char common_words[] = "us|me|you|him|her|them|it|one|look|see|visit|find|go|meet|available|is|are|be|was|were|here|there|now|"
                                   "live|stay|work|works|working|online|only|home|shop|buy|check|read|time|times|page|site|office|"
                                   "shown|listed|located|posted|hosted|sold|found|sign|up|more|arrive|start|starts|begin|all|and|or|out|"
                                   "service|running|runs|published|information|stock|directly|anytime|everyone|people|team|address|email|mail";

/* ---- words and gaps ---- */

/* The bytes of a letter or digit at s[p], of other alphabets, too; 0: it is none. */
static size_t letter_bytes(const char *s, size_t len, size_t p)
{
    uint32_t cp;

    if (p >= len || (unsigned char)s[p] < 0x80)
        return p < len && isalnum((unsigned char)s[p]);
    size_t n = utf8_decode(s + p, len - p, &cp, NULL);
    return pii_is_letter(cp) ? n : 0;
}

/* The bytes of a sign of Chinese, Japanese or Korean writing at s[p] that is no mark; 0: it is none. */
static size_t wide_bytes(const char *s, size_t len, size_t p)
{
    uint32_t cp;

    if (p >= len || (unsigned char)s[p] < 0xE0)
        return 0;
    size_t n = utf8_decode(s + p, len - p, &cp, NULL);
    return cp >= 0x3040 && cp < 0xE000 ? n : 0;
}

static size_t blanks(const char *s, size_t len, size_t p)
{
    size_t n = 0;

    while (p + n < len && (s[p + n] == ' ' || s[p + n] == '\t'))
        n++;
    return n;
}

/* The bytes of one of the words (small letters, '|' between them) at s[p], in any case; 0: none. */
static size_t one_of(const char *s, size_t len, size_t p, const char *words)
{
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, "|");
        if (len - p >= n && !strncasecmp(s + p, w, n) && pii_ends_word(s, len, p + n))
            return n;
        w += n + (w[n] == '|');
    }
    return 0;
}

static size_t starts(const char *s, size_t len, size_t p, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = strlen(texts[i]);
        if (len - p >= k && !strncasecmp(s + p, texts[i], k))
            return k;
    }
    return 0;
}

/* "(at)", " [ dot ] ": the bytes of it with the blanks around; *inner is where the word stands. */
static size_t bracketed(const char *s, size_t len, size_t p, const char *words, size_t *inner)
{
    static const char open[] = "([{<", shut[] = ")]}>";
    size_t q = p + blanks(s, len, p), n;
    const char *which = q < len && s[q] ? strchr(open, s[q]) : NULL;

    if (!which)
        return 0;
    q++;
    q += blanks(s, len, q);
    *inner = q;
    if (q >= len || !(n = one_of(s, len, q, words)))
        return 0;
    q += n;
    q += blanks(s, len, q);
    if (q >= len || s[q] != shut[which - open])
        return 0;
    q++;
    return q + blanks(s, len, q) - p;
}

/* A word between blanks. */
static size_t between_blanks(const char *s, size_t len, size_t p, const char *words)
{
    size_t before = blanks(s, len, p), n, behind;

    if (!before || p + before >= len || !(n = one_of(s, len, p + before, words)))
        return 0;
    behind = blanks(s, len, p + before + n);
    return behind ? before + n + behind : 0;
}

/* ---- the sign ---- */

static size_t plain_sign(const char *s, size_t len, size_t p)
{
    static const char *const signs[] = {"@", "\xEF\xBC\xA0", "&#64;", "&#x40;", "&commat;", "%40"};

    return p < len ? starts(s, len, p, signs, sizeof signs / sizeof *signs) : 0;
}

/* The sign at s[p] with the blanks that belong to it, and its kind. */
static size_t read_sign(const char *s, size_t len, size_t p, sign *kind)
{
    size_t n = plain_sign(s, len, p), inner = 0, q;

    *kind = PLAIN;
    if (n) { /* a line may end behind it */
        q = p + n + blanks(s, len, p + n);
        if (q < len && s[q] == '\r')
            q++;
        if (q < len && s[q] == '\n') {
            q++;
            return q + blanks(s, len, q) - p;
        }
        return q == p + n || q >= len ? n : 0;
    }
    *kind = BRACKETED;
    if ((n = bracketed(s, len, p, at_words, &inner)) != 0)
        return n;
    *kind = MARK;
    if ((n = bracketed(s, len, p, "a|á", &inner)) != 0)
        return n;
    *kind = WORD;
    if ((n = between_blanks(s, len, p, sure_words)) != 0)
        return n;
    *kind = ENGLISH;
    if ((n = between_blanks(s, len, p, "at|@")) != 0)
        return n;
    *kind = NO_SIGN;
    return 0;
}

/* ---- the host ---- */

/* The end of a host's part that begins at s[p]; *dot is its last one before a letter or digit. A
 * part that begins with a sign of a script without blanks is written in it; else such a sign ends the host. */
static size_t host_end(const char *s, size_t len, size_t p, size_t *dot)
{
    bool wide = false, first = true;

    while (p < len) {
        size_t n = letter_bytes(s, len, p);
        if (!n && (first || wide))
            n = wide_bytes(s, len, p);
        if (n && first)
            wide = !letter_bytes(s, len, p);
        if (!n && s[p] != '-' && s[p] != '.')
            break;
        if (s[p] == '.' && (letter_bytes(s, len, p + 1) || wide_bytes(s, len, p + 1)))
            *dot = p;
        first = s[p] == '.';
        p += n ? n : 1;
    }
    return p;
}

/* A dot that is written otherwise than by itself alone; bare words where `bare`. */
static size_t dot_sign(const char *s, size_t len, size_t p, bool bare)
{
    static const char *const dots[] = {"&#46;", "&period;", "\xEF\xBC\x8E", "\xE3\x80\x82"};
    size_t inner = 0, n = bracketed(s, len, p, dot_words, &inner);

    if (n || !(p < len))
        return n;
    if ((n = starts(s, len, p, dots, sizeof dots / sizeof *dots)) != 0)
        return n;
    return bare ? between_blanks(s, len, p, dot_words) : 0;
}

/* A host name goes on in the next line behind its hyphen, or behind a dot where none stood before. */
static size_t line_sign(const char *s, size_t len, size_t p, bool dotted)
{
    size_t n = 0;

    if (p >= len || !(s[p - 1] == '-' || (s[p - 1] == '.' && !dotted)))
        return 0;
    n += s[p] == '\r';
    if (p + n >= len || s[p + n] != '\n')
        return 0;
    n++;
    n += blanks(s, len, p + n);
    return letter_bytes(s, len, p + n) && !isupper((unsigned char)s[p + n]) ? n : 0;
}

/* The end of the host that begins at s[p], or p; *worded are its dots that are words or stand between blanks. */
static size_t read_host(const char *s, size_t len, size_t p, bool bare, size_t *worded)
{
    size_t from = p, last = p; /* where the last part begins */
    bool dotted = false;

    *worded = 0;
    for (int part = 0; part < HOST_PARTS; part++) {
        size_t dot = 0, end = host_end(s, len, p, &dot), n;
        if (end == p)
            return from;
        if ((n = line_sign(s, len, end, dotted || dot)) != 0) {
            dotted |= s[end - 1] == '.';
            last = s[end - 1] == '.' ? end + n : last;
            p = end + n;
            continue;
        }
        while (end > p && (s[end - 1] == '.' || s[end - 1] == '-'))
            end--;
        if (dot && dot < end) {
            dotted = true;
            last = dot + 1;
        }
        n = dot_sign(s, len, end, bare);
        if (!n || !(letter_bytes(s, len, end + n) || wide_bytes(s, len, end + n))) {
            p = end;
            break;
        }
        dotted = true;
        ++*worded;
        p = last = end + n;
    }
    return dotted && p > last + 1 && !isdigit((unsigned char)s[last]) ? p : from;
}

/* [192.0.2.7] behind the sign */
static size_t literal_host(const char *s, size_t len, size_t p)
{
    size_t q = p, digits = 0;

    if (p >= len || s[p] != '[')
        return p;
    if (len - p > 6 && !strncasecmp(s + p + 1, "ipv6:", 5))
        q += 5;
    for (q++; q < len && (isxdigit((unsigned char)s[q]) || s[q] == '.' || s[q] == ':'); q++)
        digits++;
    return digits > 2 && q < len && s[q] == ']' ? q + 1 : p;
}

/* ---- the part before the sign ---- */

/* Letters, digits and the marks that may stand in it; "=" behind a tag alone ("ann+lists=x@"). */
static size_t local_run(const char *s, size_t len, size_t p)
{
    bool tag = false;

    while (p < len) {
        size_t n = letter_bytes(s, len, p);
        if (!n && (plain_sign(s, len, p) || !s[p] || !(strchr("._%+-'&!~", s[p]) || (tag && s[p] == '='))))
            break;
        tag |= s[p] == '+';
        p += n ? n : 1;
    }
    return p;
}

static size_t quoted_local(const char *s, size_t len, size_t at)
{
    size_t p = at + 1;

    while (p < len && p - at <= LOCAL_MAX && s[p] != '"' && (unsigned char)s[p] >= ' ')
        p += s[p] == '\\' ? 2 : 1;
    return p < len && s[p] == '"' && p > at + 1 && plain_sign(s, len, p + 1) ? p + 1 : at;
}

/* ---- what only looks like an address ---- */

/* Is s[at] what a command of a shell is given, on its line: behind its name and options, paths, numbers alone? */
static bool given_to_a_shell(const char *s, size_t at)
{
    static const char commands[] = "ssh|scp|sftp|rsync|mosh|sshfs|autossh|ssh-copy-id|rcp|rlogin|plink|pscp";
    size_t end = at;
    bool plain = false; /* a word that must belong to the option before it */

    while (end && at - end < LINE_BEFORE) {
        size_t from, stop = end;
        while (stop && (s[stop - 1] == ' ' || s[stop - 1] == '\t'))
            stop--;
        if (!stop || s[stop - 1] == '\n' || stop == end)
            return false;
        for (from = stop; from && (unsigned char)s[from - 1] > ' ';)
            from--;
        size_t named = from + (s[from] == '`' || s[from] == '(');
        if (!plain && one_of(s, stop, named, commands) == stop - named)
            return true;
        bool option = s[from] == '-';
        if (plain && !option)
            return false;
        bool path = false;
        for (size_t i = from; i + 1 < stop; i++)
            path |= strchr("/=:.~", s[i]) != NULL || isdigit((unsigned char)s[i]);
        plain = !option && !path && !isdigit((unsigned char)s[from]);
        end = from;
    }
    return false;
}

/* Is what stands before s[at] the beginning of a URL, so that this is its user? */
static bool user_of_a_url(const char *s, size_t at)
{
    for (size_t i = at; i > 2 && at - i < LINE_BEFORE && (unsigned char)s[i - 1] > ' '; i--) {
        if (s[i - 1] == '/')
            return s[i - 2] == '/' && s[i - 3] == ':';
        if (strchr("?#&<>\"'", s[i - 1]))
            return false;
    }
    return false;
}

/* "host:/path", "host:team/x", "host:~$", "[ann@host ~]#", "ann@host$ " */
static bool on_a_machine(const char *s, size_t len, size_t at, size_t end)
{
    if (end < len && s[end] == ':') {
        size_t p = end + 1;
        if (p < len && (s[p] == '/' || s[p] == '~'))
            return p + 1 >= len || s[p] == '~' || s[p + 1] != '/';
        while (p < len && (isalnum((unsigned char)s[p]) || strchr("._-", s[p])) && s[p])
            p++;
        return p > end + 1 && p < len && s[p] == '/';
    }
    if (end < len && strchr("$#%", s[end]) && s[end])
        return end + 1 >= len || s[end + 1] == ' ';
    if (at && s[at - 1] == '[') { /* a prompt */
        const char *shut = memchr(s + end, ']', len - end < 40 ? len - end : 40);
        size_t behind = shut ? (size_t)(shut - s) + 1 : len;
        return behind < len && strchr("$#%", s[behind]) && s[behind];
    }
    return false;
}

/* "lib@2.0.beta", "name@v1.4-x.y", "icon@2x.png" */
static bool version_or_file(const char *s, size_t host, size_t end)
{
    static const char *const files[] = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".js", ".css", ".json", ".html"};
    size_t p = host + ((s[host] == 'v' || s[host] == 'V') && isdigit((unsigned char)s[host + 1]));

    if (isdigit((unsigned char)s[p])) {
        while (p < end && isdigit((unsigned char)s[p]))
            p++;
        if (p + 1 < end && s[p] == '.' && isdigit((unsigned char)s[p + 1]))
            return true;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t n = strlen(files[i]);
        if (end - host > n && !strncasecmp(s + end - n, files[i], n))
            return true;
    }
    return false;
}

static bool looks_only(const char *s, size_t len, size_t at, size_t host, size_t end)
{
    return version_or_file(s, host, end) || on_a_machine(s, len, at, end) || user_of_a_url(s, at) ||
           given_to_a_shell(s, at);
}

/* ---- whole addresses ---- */

/* "ann_at_mail_dot_example", "ann-at-mail-dot-example" in s[at, end) */
static bool joined(const char *s, size_t at, size_t end)
{
    for (const char *c = "_-"; *c; c++) {
        const char in[] = {*c, 'a', 't', *c, '\0'}, dot[] = {*c, 'd', 'o', 't', *c, '\0'};
        for (size_t i = at + 1; i + 4 < end; i++)
            if (!strncasecmp(s + i, in, 4))
                for (size_t k = i + 5; k + 6 < end; k++)
                    if (!strncasecmp(s + k, dot, 5))
                        return true;
    }
    return false;
}

static bool has_mark(const char *s, size_t from, size_t end)
{
    bool letter = false, mark = false;

    for (size_t i = from; i < end; i++) {
        letter |= isalpha((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80;
        mark |= isdigit((unsigned char)s[i]) || (i > from && i + 1 < end && strchr("._-+", s[i]));
    }
    return letter && mark;
}

/* Whether a sign between blanks or the word "at" joins a box and a host: "look at example dot com" is none. */
static bool means_mail(const char *s, size_t at, size_t local, size_t sign_at, bool worded_local, size_t worded)
{
    bool capital = !strncmp(s + sign_at, "AT", 2) && islower((unsigned char)s[at]);
    bool at_sign = s[sign_at] == '@';

    if (one_of(s, local, at, common_words) == local - at)
        return false;
    if (worded && (worded_local || has_mark(s, at, local) || capital || at_sign))
        return true;
    return pii_named_before(s, at, PII_NEAR_BEFORE, mail_words) && (worded || !at_sign || has_mark(s, at, local));
}

static size_t written_out(const char *s, size_t len, size_t at, size_t local, bool worded_local)
{
    sign kind;
    size_t worded, host = local + read_sign(s, len, local, &kind), end;

    end = read_host(s, len, host, kind != BRACKETED || s[host - 1] == ' ', &worded);
    if (end == host || ((kind == WORD || kind == MARK) && !worded))
        return at;
    if (kind == ENGLISH && !means_mail(s, at, local, local + blanks(s, len, local), worded_local, worded))
        return at;
    return end;
}

size_t pii_find_email(const char *s, size_t len, size_t at)
{
    size_t local, host, end, worded, n;
    bool worded_local = false, quoted = s[at] == '"';
    sign kind;

    if (quoted) {
        local = quoted_local(s, len, at);
        if (local == at)
            return at;
    } else {
        if ((!letter_bytes(s, len, at) && s[at] != '_') || !pii_begins_word(s, at) ||
            (at && strchr(".+-%&!~@\\", s[at - 1])))
            return at;
        local = local_run(s, len, at);
        if (joined(s, at, local))
            return local;
        for (int i = 0; i < LOCAL_PARTS && (n = dot_sign(s, len, local, true)) != 0 && letter_bytes(s, len, local + n); i++) {
            local = local_run(s, len, local + n);
            worded_local = true;
        }
    }
    if (local - at > LOCAL_MAX || s[local - 1] == '.')
        return at;
    n = read_sign(s, len, local, &kind);
    if (!n)
        return at;
    if (kind != PLAIN)
        return written_out(s, len, at, local, worded_local);
    host = local + n;
    if ((end = literal_host(s, len, host)) > host)
        return end;
    end = read_host(s, len, host, false, &worded);
    return end > host && !looks_only(s, len, at, host, end) ? end : at;
}
