/* subtitles.c - SubRip, WebVTT and (Advanced) SubStation Alpha: what is said, in paragraphs of about half a minute, each beginning with
 * its time, so that a passage says when. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ingest/extract/outline.h"

#define PARAGRAPH_SECONDS 30
#define PAUSE_SECONDS     4

/* "01:02:03,456 --> 01:02:05,000", hours optional, '.' or ','. Seconds of both ends; false: no such line. */
static bool read_times(const text_line *l, double *from, double *to)
{
    char line[128], dot;
    double t[2];
    const char *at = line;

    snprintf(line, sizeof line, "%.*s", (int)(l->len < 120 ? l->len : 120), l->s);
    if (!strstr(line, "-->"))
        return false;
    for (int i = 0; i < 2; i++) {
        unsigned a, b, c, ms;
        int used = 0;
        while (*at == ' ')
            at++;
        if (sscanf(at, "%3u:%2u:%2u%c%3u%n", &a, &b, &c, &dot, &ms, &used) == 5 && used)
            t[i] = a * 3600.0 + b * 60.0 + c + ms / 1000.0;
        else if (sscanf(at, "%3u:%2u%c%3u%n", &a, &b, &dot, &ms, &used) == 4 && used)
            t[i] = a * 60.0 + b + ms / 1000.0;
        else
            return false;
        at += used + strspn(at + used, " ->");
    }
    *from = t[0];
    *to = t[1];
    return true;
}

/* Without <b>, <v Speaker>, {\an8}; a voice's name is kept. */
static void put_words(bytes *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        const char *end = s[i] == '<'                                     ? memchr(s + i, '>', len - i)
                          : s[i] == '{' && i + 1 < len && s[i + 1] == '\\' ? memchr(s + i, '}', len - i)
                                                                          : NULL;
        if (!end) {
            bytes_append(out, s + i, 1);
            i++;
            continue;
        }
        if (end - (s + i) > 3 && !strncmp(s + i, "<v ", 3)) {
            bytes_append(out, s + i + 3, (size_t)(end - (s + i)) - 3);
            bytes_append_str(out, ": ");
        }
        i = (size_t)(end - s) + 1;
    }
}

static bool is_number(const text_line *l)
{
    for (size_t i = 0; i < l->len; i++)
        if (!isdigit((unsigned char)l->s[i]))
            return false;
    return l->len > 0;
}

/* A cue's number stands before its times. */
static bool comes_before_times(const outline *o)
{
    text_line next;
    double from, to;

    return outline_peek(o, &next) && read_times(&next, &from, &to);
}

/* A line of SubStation Alpha: "Dialogue: 0,0:00:01.00,0:00:02.50,Style,Name,0,0,0,,{\i1}words\Nmore". The words
 * come last, after nine commas; overrides in braces are no words. */
static bool read_dialogue(const text_line *l, double *from, double *to, bytes *words)
{
    static const char key[] = "Dialogue:";
    const char *at = l->s + sizeof key - 1, *end = l->s + l->len;
    double t[2];

    if (l->len < sizeof key || memcmp(l->s, key, sizeof key - 1))
        return false;
    for (int field = 0; field < 9; field++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        unsigned h, m, s, cs;
        char time[24];
        if (!comma)
            return false;
        if (field == 1 || field == 2) {
            snprintf(time, sizeof time, "%.*s", comma - at < 20 ? (int)(comma - at) : 20, at);
            if (sscanf(time, " %2u:%2u:%2u.%2u", &h, &m, &s, &cs) != 4)
                return false;
            t[field - 1] = h * 3600.0 + m * 60.0 + s + cs / 100.0;
        }
        at = comma + 1;
    }
    *from = t[0];
    *to = t[1];
    while (at < end) {
        const char *close = *at == '{' ? memchr(at, '}', (size_t)(end - at)) : NULL;
        if (close) {
            at = close + 1;
        } else if (*at == '\\' && at + 1 < end && strchr("Nnh", at[1])) {
            bytes_append(words, " ", 1);
            at += 2;
        } else {
            bytes_append(words, at++, 1);
        }
    }
    return true;
}

/* What is said from `from` on, under the time of its paragraph. */
static void say(outline *o, const text_line *l, const bytes *words, double from, double *began)
{
    char stamp[32];

    if (words->len && !o->text.len) {
        *began = from;
        snprintf(stamp, sizeof stamp, "[%02u:%02u:%02u] ", (unsigned)from / 3600,
                 (unsigned)from / 60 % 60, (unsigned)from % 60);
        outline_add(o, INGEST_PARAGRAPH, l, stamp, strlen(stamp));
    }
    if (words->len)
        outline_add(o, INGEST_PARAGRAPH, l, words->data, words->len);
}

/* A cue begins; after a pause, or half a minute, with a new paragraph. */
static void begin_cue(outline *o, double from, double to, double began, double *last_end)
{
    if (o->text.len && (from - began >= PARAGRAPH_SECONDS || from - *last_end >= PAUSE_SECONDS))
        outline_flush(o);
    *last_end = to;
}

cairn_status parse_subtitles(emitter *e, const parse_input *in)
{
    double from = 0, to = 0, last_end = 0, began = 0;
    bool cue = false;
    outline o;
    text_line l;
    bytes words;

    bytes_init(&words, SIZE_MAX / 4);
    if (!outline_open(&o, e, in))
        while (outline_line(&o, &l)) {
            bytes_reset(&words);
            if (read_dialogue(&l, &from, &to, &words)) {
                begin_cue(&o, from, to, began, &last_end);
                say(&o, &l, &words, from, &began);
            } else if (read_times(&l, &from, &to)) {
                cue = true;
                begin_cue(&o, from, to, began, &last_end);
            } else if (line_is_empty(&l)) {
                cue = false;
            } else if (cue && !(is_number(&l) && comes_before_times(&o))) {
                put_words(&words, l.s, l.len);
                say(&o, &l, &words, from, &began);
            }
        }
    outline_close(&o);
    bytes_clear(&words);
    return e->status;
}
