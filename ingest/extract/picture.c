/* picture.c - what an image says of itself: EXIF, XMP and IPTC, by gexiv2 (the C side of Exiv2). Title, description,
 * keywords and place are its text, so that a photograph is found by them; camera, size and date are metadata.
 * What is written in the picture is the business of ocr.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gexiv2/gexiv2.h>

#include "ingest/extract/dates.h"
#include "ingest/extract/ocr.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/picture.h"

#define VALUE_BYTES 4000

void picture_warm_up(void)
{
    gexiv2_initialize();
    gexiv2_log_set_level(GEXIV2_LOG_LEVEL_MUTE);
}

/* The first of the tags that says something; to be freed. Several values are joined by "; ". */
static char *value_of(GExiv2Metadata *m, const char *const tags[])
{
    for (size_t i = 0; tags[i]; i++) {
        char **all = gexiv2_metadata_try_get_tag_multiple(m, tags[i], NULL), *one;
        if (all && all[0] && all[0][0]) {
            one = g_strjoinv("; ", all);
            g_strfreev(all);
            return one;
        }
        g_strfreev(all);
        one = gexiv2_metadata_try_get_tag_interpreted_string(m, tags[i], NULL);
        if (one && *one)
            return one;
        g_free(one);
    }
    return NULL;
}

/* XMP gives texts with their language: lang="x-default" Words. */
static const char *without_language(const char *s)
{
    const char *end = !strncmp(s, "lang=\"", 6) ? strchr(s + 6, '"') : NULL;

    return end ? end + 1 + strspn(end + 1, " ") : s;
}

static void take_date(emitter *e, GExiv2Metadata *m)
{
    static const char *const tags[] = {"Exif.Photo.DateTimeOriginal", "Exif.Image.DateTime",
                                       "Xmp.photoshop.DateCreated", "Xmp.xmp.CreateDate", NULL};
    char *s = value_of(m, tags);
    int64_t ns;

    if (s && strlen(s) >= 10) {
        if (s[4] == ':') /* EXIF's own form */
            s[4] = s[7] = '-';
        if (date_parse(s, strlen(s), &ns) && ns > 0) {
            emit_number(e, FIELD_CREATED, ns);
            emit_number(e, FIELD_DATE, ns);
        }
    }
    g_free(s);
}

static void take_place(emitter *e, GExiv2Metadata *m)
{
    gdouble longitude, latitude, altitude;
    char text[64];

    if (!gexiv2_metadata_try_get_gps_info(m, &longitude, &latitude, &altitude, NULL))
        return;
    snprintf(text, sizeof text, "%.6f %.6f", latitude, longitude);
    emit_meta(e, "place", text, strlen(text));
}

static const char *const titles[] = {"Xmp.dc.title", "Iptc.Application2.ObjectName", "Exif.Image.XPTitle", NULL},
                  *const descriptions[] = {"Xmp.dc.description", "Iptc.Application2.Caption",
                                           "Exif.Image.ImageDescription", "Exif.Photo.UserComment",
                                           "Exif.Image.XPComment", NULL},
                  *const authors[] = {"Xmp.dc.creator", "Iptc.Application2.Byline", "Exif.Image.Artist",
                                      "Exif.Image.XPAuthor", NULL},
                  *const keywords[] = {"Xmp.dc.subject", "Iptc.Application2.Keywords",
                                       "Exif.Image.XPKeywords", NULL},
                  *const cities[] = {"Xmp.photoshop.City", "Iptc.Application2.City", NULL},
                  *const countries[] = {"Xmp.photoshop.Country", "Iptc.Application2.CountryName", NULL},
                  *const makers[] = {"Exif.Image.Make", NULL}, *const models[] = {"Exif.Image.Model", NULL},
                  *const rights[] = {"Xmp.dc.rights", "Exif.Image.Copyright", "Iptc.Application2.Copyright", NULL};

static void take(emitter *e, GExiv2Metadata *m, const char *const tags[], document_field field,
                 const char *key, ingest_block_kind kind)
{
    char *s = value_of(m, tags);
    const char *text = s ? without_language(s) : "";
    size_t n = strlen(text) < VALUE_BYTES ? strlen(text) : VALUE_BYTES;

    if (n && field == FIELD_META)
        emit_meta(e, key, text, n);
    else if (n)
        emit_field(e, field, text, n);
    if (n && kind)
        emit_block(e, kind, kind == INGEST_HEADING, text, n);
    g_free(s);
}

bool picture_metadata(emitter *e, const parse_input *in)
{
    GExiv2Metadata *m = gexiv2_metadata_new();
    bool known = m && in->len &&
                 gexiv2_metadata_open_buf(m, (const guint8 *)in->data, (glong)in->len, NULL);
    char size[64];

    if (known) {
        take(e, m, titles, FIELD_TITLE, NULL, INGEST_HEADING);
        take(e, m, descriptions, FIELD_META, "description", INGEST_PARAGRAPH);
        take(e, m, keywords, FIELD_META, "keywords", INGEST_PARAGRAPH);
        take(e, m, cities, FIELD_META, "city", INGEST_PARAGRAPH);
        take(e, m, countries, FIELD_META, "country", INGEST_PARAGRAPH);
        take(e, m, authors, FIELD_AUTHOR, NULL, 0);
        take(e, m, makers, FIELD_META, "camera-make", 0);
        take(e, m, models, FIELD_META, "camera", 0);
        take(e, m, rights, FIELD_META, "rights", 0);
        take_date(e, m);
        take_place(e, m);
        if (gexiv2_metadata_get_pixel_width(m) > 0 && !ocr_takes_images()) {
            snprintf(size, sizeof size, "%d x %d", (int)gexiv2_metadata_get_pixel_width(m),
                     (int)gexiv2_metadata_get_pixel_height(m));
            emit_meta(e, "pixels", size, strlen(size));
        }
    }
    if (m)
        g_object_unref(m);
    return known;
}

cairn_status parse_picture(emitter *e, const parse_input *in)
{
    static const char note[] = "an image: what it says of itself is read, not what is written on it ([index] ocr = all)";

    bool known = picture_metadata(e, in);

    if (ocr_takes_images())
        return parse_image(e, in);
    if (!known)
        return emit_fail(e, CAIRN_EUNSUPPORTED, "no parser for %s, or it is broken",
                         detect(in->data, in->len, in->name).mime);
    emit_field(e, FIELD_NOTE, note, sizeof note - 1);
    return e->status;
}
