/* augment.c - see augment.h. */
#include "engine/augment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "engine/embed.h"
#include "engine/labels.h"
#include "engine/prompts.h"
#include "retrieve/sentences.h"

#define DOCUMENT_BYTES  ((size_t)256 << 20)
#define LINE_BYTES      200 /* of keywords, of a summary, of a neighbour */
#define SENTENCE_LEAST  30  /* bytes; shorter ones are dates and greetings */
#define BEGINNING_BYTES 1500 /* of a document, before the generator */
#define PASSAGE_BYTES   1500
#define SENTENCE_TOKENS 48
#define SENTENCE_MOST   300 /* bytes */

static const struct {
    const char *name;
    unsigned part;
} parts_by_name[] = {{"title", AUGMENT_TITLE},       {"headings", AUGMENT_HEADINGS},
                     {"keywords", AUGMENT_KEYWORDS}, {"summary", AUGMENT_SUMMARY},
                     {"neighbours", AUGMENT_NEIGHBOURS}, {"context", AUGMENT_CONTEXT}};

#define N_PARTS (sizeof parts_by_name / sizeof *parts_by_name)

cairn_status augment_parse(const char *list, unsigned *parts, cairn_error *err)
{
    *parts = 0;
    for (const char *p = list + strspn(list, ", "); *p; p += strspn(p, ", ")) {
        size_t len = strcspn(p, ", "), i = 0;
        while (i < N_PARTS && (strlen(parts_by_name[i].name) != len || memcmp(p, parts_by_name[i].name, len)))
            i++;
        if (i == N_PARTS)
            return cairn_fail(err, CAIRN_EUSAGE,
                              "index.augment is a list of title, headings, keywords, summary, neighbours and context; "
                              "\"%.*s\" is none of them",
                              (int)(len < 60 ? len : 60), p);
        *parts |= parts_by_name[i].part;
        p += len;
    }
    return CAIRN_OK;
}

const char *augment_identity(const encoder *e, const settings *s, char out[AUGMENT_IDENTITY_BYTES])
{
    unsigned parts = AUGMENT_DEFAULT;
    size_t n = (size_t)snprintf(out, AUGMENT_IDENTITY_BYTES, "%s", encoder_identity(e));

    if (augment_parse(s->augment, &parts, NULL) || parts == AUGMENT_DEFAULT)
        return out;
    for (size_t i = 0; i < N_PARTS && n < AUGMENT_IDENTITY_BYTES - 32; i++)
        if (parts & parts_by_name[i].part)
            n += (size_t)snprintf(out + n, AUGMENT_IDENTITY_BYTES - n, "+%s", parts_by_name[i].name);
    if (parts & AUGMENT_CONTEXT)
        n += (size_t)snprintf(out + n, AUGMENT_IDENTITY_BYTES - n, ":%.200s", s->generator);
    if (!parts)
        snprintf(out + n, AUGMENT_IDENTITY_BYTES - n, "+nothing");
    return out;
}

cairn_status augmenter_init(augmenter *a, cairn *c, const volatile sig_atomic_t *cancel, cairn_error *err)
{
    cairn_status st;

    *a = (augmenter){.c = c, .cancel = cancel, .line = ""};
    arena_init(&a->memory, DOCUMENT_BYTES);
    st = augment_parse(c->settings.augment, &a->parts, err);
    if (!st && a->parts & AUGMENT_CONTEXT)
        st = prompt_load("context.v1", c->settings.prompt_dir, &a->prompt, err);
    return st;
}

void augmenter_clear(augmenter *a)
{
    free(a->prompt);
    a->prompt = NULL;
    arena_clear(&a->memory);
}

/* At most LINE_BYTES of s[0, len), whole characters. */
static size_t cut(const char *s, size_t len)
{
    return len > LINE_BYTES ? utf8_floor(s, LINE_BYTES) : len;
}

/* The first sentence of the text that says something. */
static cairn_status first_sentence(const store_chunk *first, const char *lang, bytes *out, cairn_error *err)
{
    size_t n, len = first->text_len < 4096 ? first->text_len : utf8_floor(first->text, 4096);
    text_span *spans;
    cairn_status st = sentences_split(first->text, len, false, sentences_dotted_ordinals(lang), &spans, &n, err);

    for (size_t i = 0; !st && i < n; i++) {
        size_t size = spans[i].end - spans[i].start;
        if (size < SENTENCE_LEAST)
            continue;
        if (bytes_append(out, first->text + spans[i].start, cut(first->text + spans[i].start, size)))
            st = cairn_fail(err, CAIRN_ENOMEM, "summary of a document");
        break;
    }
    free(spans);
    return st;
}

static cairn_status add_summary(augmenter *a, const store_snapshot *s, const store_doc *doc, bytes *out,
                                cairn_error *err)
{
    json_t *meta = strstr(doc->meta_json, "\"description\"") ? labels_object(doc) : NULL;
    const char *said = json_string_value(json_object_get(meta, "description"));
    store_chunk first;
    cairn_status st = CAIRN_OK;

    if (said && *said) {
        if (bytes_append(out, said, cut(said, strlen(said))))
            st = cairn_fail(err, CAIRN_ENOMEM, "summary of a document");
    } else if (a->n_chunks) {
        st = store_chunk_get(s, a->chunks[0], &first, &a->memory, err);
        if (!st)
            st = first_sentence(&first, doc->lang, out, err);
    }
    json_decref(meta);
    return st;
}

/* What all passages of the document have in common. */
static cairn_status load_document(augmenter *a, const store_snapshot *s, const store_doc *doc, cairn_error *err)
{
    doc_labels labels;
    bytes line;
    cairn_status st = CAIRN_OK;

    arena_reset(&a->memory);
    a->doc = 0;
    a->line = "";
    a->n_chunks = 0;
    bytes_init(&line, 16 * LINE_BYTES);
    a->about = NULL;
    if (a->parts & (AUGMENT_SUMMARY | AUGMENT_NEIGHBOURS | AUGMENT_CONTEXT))
        st = store_doc_chunks(s, doc->id, &a->chunks, &a->n_chunks, &a->memory, err);
    if (!st && a->parts & AUGMENT_KEYWORDS)
        st = labels_read(doc, &a->memory, &labels, err);
    for (size_t i = 0; !st && a->parts & AUGMENT_KEYWORDS && i < labels.n_tags && line.len < LINE_BYTES; i++)
        if (bytes_printf(&line, "%s%s", i ? ", " : "", labels.tags[i]))
            st = cairn_fail(err, CAIRN_ENOMEM, "keywords of a document");
    if (!st && line.len)
        st = bytes_append_str(&line, "\n");
    if (!st && a->parts & AUGMENT_SUMMARY) {
        size_t before = line.len;
        st = add_summary(a, s, doc, &line, err);
        if (!st && line.len > before)
            st = bytes_append_str(&line, "\n");
    }
    if (!st && line.len && !(a->line = arena_strndup(&a->memory, line.data, line.len)))
        st = cairn_fail(err, CAIRN_ENOMEM, "parts of a document");
    bytes_clear(&line);
    if (!st)
        a->doc = doc->id;
    return st;
}

/* Whole words of s[0, len), the last `most` bytes or the first. */
static void trim_words(const char **s, size_t *len, bool from_end)
{
    if (*len <= LINE_BYTES)
        return;
    if (from_end) {
        *s += *len - LINE_BYTES;
        *len = LINE_BYTES;
        while (*len && (((*s)[0] & 0xC0) == 0x80 || (*s)[0] != ' ')) {
            ++*s;
            --*len;
        }
    } else {
        *len = utf8_floor(*s, LINE_BYTES);
        while (*len && (*s)[*len - 1] != ' ')
            --*len;
    }
}

static cairn_status add_neighbour(augmenter *a, const store_snapshot *s, const store_chunk *chunk, bool before,
                                  bytes *out, cairn_error *err)
{
    store_chunk other;
    const char *text;
    uint64_t common;
    size_t len;
    cairn_status st;

    if (before ? !chunk->ordinal : (size_t)chunk->ordinal + 1 >= a->n_chunks)
        return CAIRN_OK;
    st = store_chunk_get(s, a->chunks[before ? chunk->ordinal - 1 : chunk->ordinal + 1], &other, &a->memory, err);
    if (st)
        return st;
    /* Bytes that both hold: the overlap. */
    common = before ? (other.byte_end > chunk->byte_start ? other.byte_end - chunk->byte_start : 0)
                    : (chunk->byte_end > other.byte_start ? chunk->byte_end - other.byte_start : 0);
    if (common >= other.text_len)
        return CAIRN_OK;
    text = before ? other.text : other.text + common;
    len = other.text_len - (size_t)common;
    while (len && (*text & 0xC0) == 0x80) { /* positions of the file may count its markup */
        text++;
        len--;
    }
    trim_words(&text, &len, before);
    return len && (bytes_append_str(out, "\n") || bytes_append(out, text, len))
               ? cairn_fail(err, CAIRN_ENOMEM, "neighbours of a passage")
               : CAIRN_OK;
}

/* ---- a sentence by the generator ---- */

/* The prompt and the document's beginning: the same for all of its passages, so that a generator which keeps what it
 * has read begins behind it. */
static cairn_status load_beginning(augmenter *a, const store_snapshot *s, const store_doc *doc, cairn_error *err)
{
    bytes text;
    cairn_status st;

    bytes_init(&text, 4 * BEGINNING_BYTES + 65536);
    st = bytes_printf(&text, "%s\n\n%.500s\n", a->prompt, doc->title);
    for (size_t i = 0, used = 0; !st && i < a->n_chunks && used < BEGINNING_BYTES; i++) {
        store_chunk chunk;
        size_t room = BEGINNING_BYTES - used, n;
        st = store_chunk_get(s, a->chunks[i], &chunk, &a->memory, err);
        if (st)
            break;
        n = chunk.text_len < room ? chunk.text_len : utf8_floor(chunk.text, room);
        used += n + 1;
        st = bytes_append(&text, chunk.text, n);
        if (!st)
            st = bytes_append_str(&text, "\n");
    }
    if (!st && !(a->about = arena_strndup(&a->memory, text.data, text.len)))
        st = CAIRN_ENOMEM;
    bytes_clear(&text);
    return st ? cairn_fail(err, st, "the beginning of document %llu", (unsigned long long)doc->id) : CAIRN_OK;
}

/* Of what the generator wrote, the first line without quotation marks. */
static cairn_status take_sentence(const generate_result *made, bytes *out, cairn_error *err)
{
    const char *from = made->text + strspn(made->text, " \t\n\"");
    size_t len = strcspn(from, "\n");

    if (len > SENTENCE_MOST)
        len = utf8_floor(from, SENTENCE_MOST);
    while (len && strchr(" \t\"", from[len - 1]))
        len--;
    if (len && (bytes_append(out, from, len) || bytes_append_str(out, "\n")))
        return cairn_fail(err, CAIRN_ENOMEM, "context of a passage");
    return CAIRN_OK;
}

static cairn_status add_context(augmenter *a, const store_snapshot *s, const store_doc *doc, const store_chunk *chunk,
                                bytes *out, cairn_error *err)
{
    generate_params p = {.max_tokens = SENTENCE_TOKENS};
    generate_result made = {0};
    size_t len = chunk->text_len < PASSAGE_BYTES ? chunk->text_len : utf8_floor(chunk->text, PASSAGE_BYTES);
    json_t *messages;
    cairn_status st = CAIRN_OK;

    if (!a->prompt || a->n_chunks < 2)
        return CAIRN_OK;
    if (!a->about)
        st = load_beginning(a, s, doc, err);
    if (st)
        return st;
    messages = json_pack("[{s:s,s:s},{s:s,s:o}]", "role", "system", "content", a->about, "role", "user", "content",
                         json_stringn(chunk->text, len));
    if (!messages)
        return cairn_fail(err, CAIRN_ENOMEM, "context of a passage");
    st = engine_chat(a->c, false, messages, &p, a->cancel, &made, err);
    if (!st && made.text_len) {
        size_t before = out->len;
        st = take_sentence(&made, out, err);
        if (!st)
            log_write(LOG_LEVEL_DEBUG, "engine", "context of passage %u of %s: %.*s", chunk->ordinal + 1, doc->uri,
                      (int)(out->len - before), out->data + before);
    }
    generate_result_clear(&made);
    json_decref(messages);
    return st;
}

cairn_status augmenter_text(augmenter *a, const store_snapshot *s, const store_doc *doc,
                            const store_chunk *chunk, bytes *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (a->doc != doc->id)
        st = load_document(a, s, doc, err);
    if (!st && embed_prefix(out, a->parts & AUGMENT_TITLE ? doc->title : "",
                            a->parts & AUGMENT_HEADINGS ? chunk->heading : ""))
        st = cairn_fail(err, CAIRN_ENOMEM, "text of a passage");
    if (!st && bytes_append_str(out, a->line))
        st = cairn_fail(err, CAIRN_ENOMEM, "text of a passage");
    if (!st)
        st = add_context(a, s, doc, chunk, out, err);
    if (!st && bytes_append(out, chunk->text, chunk->text_len))
        st = cairn_fail(err, CAIRN_ENOMEM, "text of a passage");
    if (!st && a->parts & AUGMENT_NEIGHBOURS)
        st = add_neighbour(a, s, chunk, true, out, err);
    if (!st && a->parts & AUGMENT_NEIGHBOURS)
        st = add_neighbour(a, s, chunk, false, out, err);
    return st;
}
