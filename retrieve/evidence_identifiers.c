/* evidence_identifiers.c - identifiers of a question as the passages write them.
 *
 * "AB1234" of a passage's "AB-1234/7" is the same part, but other words: as it is typed it would stand in no passage, and count against
 * every answer. The question is read with the passages' spelling in its place. Letters and digits must be the same one by one, so
 * P-7 is never P-8, and what some passage has as it was typed stays. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "index/lexical/identifiers.h"
#include "retrieve/evidence_reading.h"

#define MOST 8 /* identifiers of a question */

static bool is_part(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Whether a blank may part an identifier here: between letters and digits. */
static bool parts_kinds(const char *s, size_t len, size_t at)
{
    return s[at] == ' ' && at && at + 1 < len && is_part(s[at + 1]) &&
           !isdigit((unsigned char)s[at - 1]) != !isdigit((unsigned char)s[at + 1]);
}

/* The end of the run of letters and digits with single signs between that begins at s[at]. */
static size_t run_end(const char *s, size_t len, size_t at)
{
    while (at < len && (is_part(s[at]) || (identifier_is_sign(s[at]) && at + 1 < len && is_part(s[at + 1]))))
        at++;
    return at;
}

/* Letters and digits of s[0, len) without signs and blanks; 0: it is no identifier. */
static size_t join(const char *s, size_t len, char out[IDENTIFIER_MAX])
{
    size_t n = 0, digits = 0;

    for (size_t i = 0; i < len; i++) {
        if (identifier_is_sign(s[i]) || s[i] == ' ')
            continue;
        if (n == IDENTIFIER_MAX || (unsigned char)s[i] >= 0x80)
            return 0;
        digits += isdigit((unsigned char)s[i]) != 0;
        out[n++] = (char)tolower((unsigned char)s[i]);
    }
    return digits && digits < n && n > 2 ? n : 0;
}

/* Where the text has these letters and digits, with signs or not; false: nowhere. A sign and more may follow. */
static bool find_spelt(const char *s, size_t len, const char *what, size_t n, text_span *out)
{
    for (size_t i = 0; i < len; i++) {
        size_t t = i, w = 0;
        if (!is_part(s[i]) || (i && is_part(s[i - 1])))
            continue;
        while (w < n && t < len) {
            if (tolower((unsigned char)s[t]) == what[w]) {
                t++;
                w++;
            } else if (w && ((identifier_is_sign(s[t]) && t + 1 < len && is_part(s[t + 1])) || parts_kinds(s, len, t))) {
                t++;
            } else {
                break;
            }
        }
        if (w == n && (t == len || !is_part(s[t]))) {
            *out = (text_span){i, t};
            return true;
        }
    }
    return false;
}

static bool has_typed(const char *s, size_t len, const char *typed, size_t n)
{
    for (size_t i = 0; i + n <= len; i++)
        if (!strncasecmp(s + i, typed, n) && (!i || !is_part(s[i - 1])) && (i + n == len || !is_part(s[i + n])))
            return true;
    return false;
}

/* How the passages write what is typed as s[0, len); NULL: as typed, or nowhere. */
static const char *spelt_in(const evidence_passage *p, size_t n, const char *s, size_t len, size_t *out_len)
{
    char joined[IDENTIFIER_MAX];
    size_t n_joined = join(s, len, joined);
    const char *found = NULL;

    for (size_t i = 0; n_joined && i < n; i++) {
        const char *texts[] = {p[i].text.text, p[i].text.title, p[i].text.heading};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            size_t text_len = !texts[k] ? 0 : k ? strlen(texts[k]) : p[i].text.len;
            text_span at;
            if (!text_len)
                continue;
            if (has_typed(texts[k], text_len, s, len))
                return NULL;
            if (!found && find_spelt(texts[k], text_len, joined, n_joined, &at)) {
                found = texts[k] + at.start;
                *out_len = at.end - at.start;
            }
        }
    }
    return found;
}

const char *evidence_as_spelt(const char *question, const evidence_passage *p, size_t n, arena *a)
{
    size_t len = strlen(question), done = 0;
    const char *text = "";

    for (size_t i = 0, k = 0; i < len && k < MOST;) {
        size_t end = run_end(question, len, i), spelt_len = 0;
        const char *spelt;
        if (end == i) {
            i++;
            continue;
        }
        /* A short word and a number behind it, or the run by itself. */
        if (end - i <= IDENTIFIER_WORD && end < len && parts_kinds(question, len, end)) {
            size_t both = run_end(question, len, end + 1);
            spelt = spelt_in(p, n, question + i, both - i, &spelt_len);
            end = spelt ? both : end;
        } else {
            spelt = NULL;
        }
        if (!spelt)
            spelt = spelt_in(p, n, question + i, end - i, &spelt_len);
        if (spelt) {
            text = arena_printf(a, "%s%.*s%.*s", text, (int)(i - done), question + done, (int)spelt_len, spelt);
            done = end;
            k++;
        }
        if (!text)
            return NULL;
        i = end;
    }
    return done ? arena_printf(a, "%s%s", text, question + done) : question;
}
