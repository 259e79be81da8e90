/* fuzz_smime - any bytes as the CMS structure of a signed mail: alone, and as the one part of a message whose inner
 * entity is then read.
 *
 * GnuTLS and libtasn1 are not instrumented, so coverage says nothing of them, and a length that no longer fits ends
 * their reading at the first byte. So half of the changes are made to the tree: one element, somewhere, is changed,
 * left out, doubled or given another tag, and the lengths of all around it are made to fit again. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "ingest/extract/mail.h"
#include "ingest/extract/smime.h"
#include "tests/fuzz/fuzz_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "Subject: signed\nMIME-Version: 1.0\n"
                               "Content-Type: application/pkcs7-mime; smime-type=signed-data\n"
                               "Content-Transfer-Encoding: base64\n\n";
    static bool ready;
    GByteArray *inside;
    char *coded;
    GString *mail;
    volatile guint8 last = 0;

    if (!ready) {
        detect_warm_up();
        mail_warm_up();
        ready = true;
    }
    inside = smime_content(data, size);
    for (guint i = 0; inside && i < inside->len; i++)
        last = inside->data[i]; /* each byte is there */
    (void)last;
    if (inside)
        g_byte_array_unref(inside);
    coded = g_base64_encode(data, size);
    mail = g_string_new(head);
    for (size_t at = 0, n = strlen(coded); at < n; at += 76) {
        g_string_append_len(mail, coded + at, (gssize)(n - at < 76 ? n - at : 76));
        g_string_append_c(mail, '\n');
    }
    fuzz_parser(parse_mail, (const uint8_t *)mail->str, mail->len, "signed.eml");
    g_string_free(mail, TRUE);
    g_free(coded);
    return 0;
}

#ifndef CAIRN_FUZZ_REPLAY
#define MAX_DEPTH 40
#define MAX_BYTES 100000

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* An element of the tree: its tag at `at`, its content at [from, to), all in the input. */
typedef struct element {
    size_t at, from, to;
} element;

static uint32_t draw(unsigned *state, uint32_t n)
{
    *state = *state * 1103515245u + 12345u;
    return n ? (*state >> 8) % n : 0;
}

/* The element at `at`, within [at, end). Indefinite lengths end where their parent does. */
static bool read_element(const uint8_t *d, size_t at, size_t end, element *out)
{
    size_t len = 0, n;

    out->at = at;
    if (end - at < 2)
        return false;
    if (d[at + 1] < 0x80) {
        out->from = at + 2;
        out->to = out->from + d[at + 1];
        return out->to <= end;
    }
    n = d[at + 1] & 0x7F;
    if (n > 4 || end - at - 2 < n)
        return false;
    for (size_t i = 0; i < n; i++)
        len = len << 8 | d[at + 2 + i];
    out->from = at + 2 + n;
    out->to = n ? out->from + len : end;
    return out->to <= end;
}

/* A way down from the whole to some element, drawn by chance; its length. */
static size_t draw_path(const uint8_t *d, size_t size, unsigned *state, element path[MAX_DEPTH])
{
    size_t n = 0, from = 0, to = size;

    while (n < MAX_DEPTH) {
        element children[64];
        size_t n_children = 0, at = from;
        while (n_children < 64 && at < to && read_element(d, at, to, &children[n_children]))
            at = children[n_children++].to;
        if (!n_children)
            break;
        path[n] = children[draw(state, (uint32_t)n_children)];
        from = path[n].from;
        to = path[n].to;
        /* A string of octets may hold elements, too. */
        if (!(d[path[n].at] & 0x20) && d[path[n].at] != 4)
            return n + 1;
        n++;
        if (!draw(state, 6))
            break;
    }
    return n;
}

static size_t put_length(uint8_t *out, size_t len)
{
    if (len < 0x80) {
        out[0] = (uint8_t)len;
        return 1;
    }
    out[0] = 0x83;
    out[1] = (uint8_t)(len >> 16);
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
    return 4;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t now[3 * MAX_BYTES], next[3 * MAX_BYTES];
    element path[MAX_DEPTH], whole;
    unsigned state = seed;
    size_t n, len;
    uint32_t way;

    if (size > MAX_BYTES || draw(&state, 2) || !(n = draw_path(data, size, &state, path)))
        return LLVMFuzzerMutate(data, size, max_size);
    whole = path[n - 1];
    way = draw(&state, 5);
    len = whole.to - whole.at;
    memcpy(now, data + whole.at, len);
    if (way == 0) {
        len = 0;
    } else if (way == 1) {
        memcpy(now + len, data + whole.at, len);
        len *= 2;
    } else if (way == 2) {
        now[0] = (uint8_t)draw(&state, 256);
    } else {
        size_t content = whole.to - whole.from, room = content + 64;
        memcpy(next, data + whole.from, content);
        content = LLVMFuzzerMutate(next, content, room);
        len = 1 + put_length(now + 1, content);
        memcpy(now + len, next, content);
        len += content;
    }
    /* From the inside out: what was before it, itself, what comes after it. */
    for (size_t k = n; k-- > 0;) {
        size_t from = k ? path[k - 1].from : 0, to = k ? path[k - 1].to : size;
        size_t before = path[k].at - from, after = to - path[k].to, all = before + len + after, at = 0;
        if (all + 8 > sizeof next)
            return LLVMFuzzerMutate(data, size, max_size);
        if (k) {
            next[at++] = data[path[k - 1].at];
            at += put_length(next + at, all);
        }
        memcpy(next + at, data + from, before);
        memcpy(next + at + before, now, len);
        memcpy(next + at + before + len, data + path[k].to, after);
        len = at + all;
        memcpy(now, next, len);
    }
    if (!len || len > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, now, len);
    return len;
}
#endif
