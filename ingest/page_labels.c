/* page_labels.c - see page_labels.h. */
#include "ingest/page_labels.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROMAN_MAX 3999

static const struct {
    unsigned value;
    const char *text;
} numerals[] = {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"},
                {40, "xl"},  {10, "x"},   {9, "ix"},  {5, "v"},    {4, "iv"},  {1, "i"}};

static bool put_roman(unsigned n, bool upper, char *out, size_t cap)
{
    size_t len = 0;

    if (!n || n > ROMAN_MAX)
        return false;
    for (size_t i = 0; n;) {
        if (n < numerals[i].value) {
            i++;
            continue;
        }
        for (const char *s = numerals[i].text; *s; s++) {
            if (len + 1 >= cap)
                return false;
            out[len++] = upper ? (char)toupper((unsigned char)*s) : *s;
        }
        n -= numerals[i].value;
    }
    out[len] = 0;
    return true;
}

/* The value of s as a numeral in its one right form; 0: it is none. */
static unsigned roman_value(const char *s)
{
    bool upper = isupper((unsigned char)*s) != 0;
    char again[32];
    unsigned sum = 0;

    for (const char *at = s; *at;) {
        size_t i = 0, n = sizeof numerals / sizeof *numerals;
        while (i < n && strncasecmp(at, numerals[i].text, strlen(numerals[i].text)))
            i++;
        if (i == n || (sum += numerals[i].value) > ROMAN_MAX)
            return 0;
        at += strlen(numerals[i].text);
    }
    return put_roman(sum, upper, again, sizeof again) && !strcmp(again, s) ? sum : 0;
}

/* `label` and `steps` pages on. False: it does not count. */
static bool count_on(const char *label, uint32_t steps, char out[PAGE_LABEL_MAX])
{
    size_t len = strlen(label), from = len;
    unsigned roman;
    char tail[32];

    if (!steps)
        return (size_t)snprintf(out, PAGE_LABEL_MAX, "%s", label) < PAGE_LABEL_MAX;
    while (from && isdigit((unsigned char)label[from - 1]))
        from--;
    if (from < len && len - from <= 9) {
        uint64_t n = strtoull(label + from, NULL, 10) + steps;
        return (size_t)snprintf(out, PAGE_LABEL_MAX, "%.*s%0*llu", (int)from, label,
                                label[from] == '0' ? (int)(len - from) : 1, (unsigned long long)n) <
               PAGE_LABEL_MAX;
    }
    for (from = len; from && isalpha((unsigned char)label[from - 1]);)
        from--;
    roman = roman_value(label + from);
    return roman && steps <= ROMAN_MAX &&
           put_roman(roman + steps, isupper((unsigned char)label[from]) != 0, tail, sizeof tail) &&
           (size_t)snprintf(out, PAGE_LABEL_MAX, "%.*s%s", (int)from, label, tail) < PAGE_LABEL_MAX;
}

/* The run that `page` lies in. */
static bool find_run(const char *runs, uint32_t page, uint32_t *first, char label[PAGE_LABEL_MAX])
{
    bool found = false;

    while (*runs) {
        const char *equals = strchr(runs, '='), *end = strchr(runs, ';');
        unsigned long at = strtoul(runs, NULL, 10);
        size_t n;

        if (!end)
            end = runs + strlen(runs);
        if (!equals || equals > end || at > page)
            break;
        n = (size_t)(end - equals) - 1;
        if (n >= PAGE_LABEL_MAX)
            break;
        memcpy(label, equals + 1, n);
        label[n] = 0;
        *first = (uint32_t)at;
        found = true;
        runs = *end ? end + 1 : end;
    }
    return found;
}

bool page_label_at(const char *runs, uint32_t page, char out[PAGE_LABEL_MAX])
{
    char label[PAGE_LABEL_MAX], number[16];
    uint32_t first;

    if (!runs || !find_run(runs, page, &first, label) || !count_on(label, page - first, out) || !*out)
        return false;
    snprintf(number, sizeof number, "%u", page);
    return strcmp(out, number) != 0;
}

static bool can_be_kept(const char *label)
{
    size_t n = strlen(label);

    if (!n || n >= PAGE_LABEL_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (label[i] == ';' || (unsigned char)label[i] < ' ' || label[i] == 127)
            return false;
    return label[0] != ' ' && label[n - 1] != ' ';
}

cairn_status page_labels_add(bytes *runs, uint32_t page, const char *label)
{
    char number[16], run[PAGE_LABEL_MAX], expected[PAGE_LABEL_MAX];
    uint32_t first;

    snprintf(number, sizeof number, "%u", page);
    if (!can_be_kept(label))
        label = number;
    if (runs->len ? find_run(runs->data, page, &first, run) && count_on(run, page - first, expected) &&
                        !strcmp(expected, label)
                  : !strcmp(label, number))
        return CAIRN_OK;
    if (runs->len > PAGE_LABELS_MAX - PAGE_LABEL_MAX - 16)
        return CAIRN_ELIMIT;
    return bytes_printf(runs, "%s%u=%s", runs->len ? ";" : "", page, label);
}
