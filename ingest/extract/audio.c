/* audio.c - sound: what its tags say (title, artist, album, comment, lyrics...) is its text and metadata. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "ingest/extract/audio_tags.h"
#include "ingest/extract/parsers.h"
#include "ingest/plain.h"

#define AUDIO_BYTES ((size_t)512 << 20) /* TagLib counts in 32 bits */
#define LINE_BYTES  1000

typedef struct tags {
    emitter *e;
    bytes lines, lyrics;
} tags;

static const struct {
    const char *tag;
    document_field field;
    const char *key;
} known[] = {
    {"TITLE", FIELD_TITLE, "Title"},     {"ARTIST", FIELD_AUTHOR, "Artist"},
    {"ALBUM", FIELD_META, "Album"},      {"ALBUMARTIST", FIELD_META, "Album artist"},
    {"COMPOSER", FIELD_META, "Composer"}, {"GENRE", FIELD_META, "Genre"},
    {"DATE", FIELD_META, "Date"},        {"COMMENT", FIELD_META, "Comment"},
    {"DESCRIPTION", FIELD_META, "Description"}, {"TRACKNUMBER", FIELD_META, "Track"},
};

static void take(void *ctx, const char *tag, const char *value)
{
    tags *t = ctx;
    size_t n = strlen(value);

    if (!n)
        return;
    if (!strcasecmp(tag, "LYRICS") || n > LINE_BYTES) {
        if (t->lyrics.len)
            bytes_append(&t->lyrics, "\n\n", 2);
        bytes_append(&t->lyrics, value, n);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char key[32];
        if (strcmp(tag, known[i].tag) != 0)
            continue;
        bytes_printf(&t->lines, "%s%s: %s", t->lines.len ? "\n" : "", known[i].key, value);
        if (known[i].field != FIELD_META) {
            emit_field(t->e, known[i].field, value, n);
            continue;
        }
        snprintf(key, sizeof key, "%s", tag);
        for (char *c = key; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        emit_meta(t->e, key, value, n);
    }
}

cairn_status parse_audio(emitter *e, const parse_input *in)
{
    tags t = {.e = e};
    char length[32];
    int seconds = 0;

    if (in->len > AUDIO_BYTES)
        return emit_fail(e, CAIRN_ELIMIT, "sound of more than %zu MiB", AUDIO_BYTES >> 20);
    bytes_init(&t.lines, (size_t)1 << 20);
    bytes_init(&t.lyrics, (size_t)16 << 20);
    if (!audio_tags(in->data, in->len, take, &t, &seconds)) {
        emit_fail(e, CAIRN_EINPUT, "broken: a sound file whose tags cannot be read");
    } else {
        if (seconds > 0) {
            snprintf(length, sizeof length, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
            emit_meta(e, "length", length, strlen(length));
        }
        e->unsampled = true; /* labels are ours */
        emit_block(e, INGEST_LIST, 0, t.lines.data ? t.lines.data : "", t.lines.len);
        e->unsampled = false;
        if (t.lyrics.len)
            plain_blocks(e, t.lyrics.data, t.lyrics.len);
        if (!e->n_blocks)
            emit_field(e, FIELD_NOTE, "sound without tags", 18);
    }
    bytes_clear(&t.lines);
    bytes_clear(&t.lyrics);
    return e->status;
}
