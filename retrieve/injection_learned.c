/* injection_learned.c - see injection_learned.h. */
#include "retrieve/injection_learned.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <xxhash.h>

#include "retrieve/injection_weights.h"
#include "retrieve/word_byte.h"

#define BUCKETS    2048 /* of words, by their beginnings */
#define STEM_BYTES 5
#define WIDE_BYTES 6   /* two characters of a script without blanks */
#define REST_BYTES 100 /* less text around says nothing */
#define SEVERAL    UINT16_MAX

#define ABOUT_ANSWERS                                             \
    (INJECTION_ROLE(ROLE_MODEL) | INJECTION_ROLE(ROLE_PROGRAM) | \
     INJECTION_ROLE(ROLE_PRODUCT))

/* The next beginning of a word worth comparing, as a bucket; SIZE_MAX at the end. */
static size_t next_stem(const char *s, size_t end, size_t *at)
{
    for (size_t i = *at; i < end; i++) {
        bool wide = (uint8_t)s[i] >= 0xE0;
        size_t n = wide ? WIDE_BYTES : STEM_BYTES;
        char stem[WIDE_BYTES];
        if (i + n > end || !is_word_byte(s[i]) || ((uint8_t)s[i] & 0xC0) == 0x80 ||
            (!wide && i && is_word_byte(s[i - 1])))
            continue;
        bool whole = true;
        for (size_t k = 0; k < n; k++) {
            whole &= is_word_byte(s[i + k]);
            stem[k] = (char)tolower((uint8_t)s[i + k]);
        }
        if (!whole)
            continue;
        *at = i + (wide ? 3 : n);
        return XXH3_64bits(stem, n) % BUCKETS;
    }
    return SIZE_MAX;
}

static bool is_apart(const char *text, const text_span *s, const uint16_t *owner)
{
    size_t at = s->start, bucket;

    while ((bucket = next_stem(text, s->end, &at)) != SIZE_MAX)
        if (owner[bucket] == SEVERAL)
            return false;
    return true;
}

static bool stands_aside(const char *text, size_t len, const text_span *s)
{
    size_t from = s->start, bars = 0, end = s->start;

    while (from && text[from - 1] != '\n')
        from--;
    while (end < len && text[end] != '\n')
        bars += text[end++] == '|';
    for (size_t i = from; i < s->start; i++)
        bars += text[i] == '|';
    if (bars >= 3)
        return true;
    const char *last = NULL; /* the nearest opening of a comment, or a mail's signature */
    for (size_t i = 0; i + 4 <= s->start; i++)
        if (!memcmp(text + i, "<!--", 4) || !memcmp(text + i, "\n-- ", 4))
            last = text + i;
    return last && (*last == '\n' || !memmem(last, (size_t)(text + s->start - last), "-->", 3));
}

void injection_roles_around(const char *text, size_t len, const text_span *s, size_t n,
                            injection_roles *roles)
{
    uint16_t owner[BUCKETS] = {0};
    size_t machines = 0, commands = 0, bytes = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = s[i].start, bucket;
        machines += (roles[i] & ABOUT_ANSWERS) != 0;
        commands += (roles[i] & INJECTION_COMMANDS) != 0;
        bytes += s[i].end - s[i].start;
        while ((bucket = next_stem(text, s[i].end, &at)) != SIZE_MAX)
            owner[bucket] = owner[bucket] && owner[bucket] != (uint16_t)(i % SEVERAL + 1)
                                ? SEVERAL
                                : (uint16_t)(i % SEVERAL + 1);
    }
    for (size_t i = 0; i < n; i++) {
        if (stands_aside(text, len, &s[i]))
            roles[i] |= INJECTION_ROLE(ROLE_ASIDE);
        size_t others = commands - ((roles[i] & INJECTION_COMMANDS) != 0);
        if (others > 1)
            roles[i] |= INJECTION_ROLE(ROLE_AMONG);
        if (bytes - (s[i].end - s[i].start) < REST_BYTES)
            continue;
        if (roles[i] & ABOUT_ANSWERS && machines == 1)
            roles[i] |= INJECTION_ROLE(ROLE_FOREIGN);
        if (roles[i] & INJECTION_COMMANDS && !others)
            roles[i] |= INJECTION_ROLE(ROLE_LONE);
        if (is_apart(text, &s[i], owner))
            roles[i] |= INJECTION_ROLE(ROLE_APART);
    }
}

float injection_learned(injection_roles roles)
{
    float sum = injection_bias;

    for (size_t i = 0; i < sizeof injection_weights / sizeof *injection_weights; i++)
        if ((roles & injection_weights[i].all) == injection_weights[i].all)
            sum += injection_weights[i].weight;
    return sum >= injection_limit ? 0.6f : sum >= injection_limit_beside ? 0.35f : 0;
}
