/* calendar.c - calendars (RFC 5545) by libical and address cards (vCard 2.1 to 4.0, RFC 6350): a heading an
 * event or person, with when, where, who and the notes. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>
#include <libical/ical.h>

#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"

#define CALENDAR_BYTES ((size_t)32 << 20)
#define MAX_ITEMS      100000

static cairn_status decode(emitter *e, const parse_input *in, decoded *d, bytes *text)
{
    cairn_status st = encoding_decode(d, in->data, in->len, in->charset);

    bytes_init(text, CALENDAR_BYTES + 1);
    if (!st && d->len > CALENDAR_BYTES)
        st = CAIRN_ELIMIT;
    if (!st)
        st = bytes_append(text, d->text, d->len);
    return st ? emit_fail(e, st, "larger than %zu MiB, which such a file may be",
                          CALENDAR_BYTES >> 20)
              : CAIRN_OK;
}

static void put_line(bytes *out, const char *label, const char *value)
{
    if (value && *value)
        bytes_printf(out, "%s%s: %.4000s", out->len ? "\n" : "", label, value);
}

/* ---- events ---- */

static void put_time(char out[40], struct icaltimetype t)
{
    if (icaltime_is_null_time(t))
        *out = 0;
    else if (t.is_date)
        snprintf(out, 40, "%04d-%02d-%02d", t.year, t.month, t.day);
    else
        snprintf(out, 40, "%04d-%02d-%02d %02d:%02d%s", t.year, t.month, t.day, t.hour, t.minute,
                 icaltime_is_utc(t) ? " UTC" : "");
}

static void put_people(bytes *out, icalcomponent *c)
{
    for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_ATTENDEE_PROPERTY); p;
         p = icalcomponent_get_next_property(c, ICAL_ATTENDEE_PROPERTY)) {
        icalparameter *cn = icalproperty_get_first_parameter(p, ICAL_CN_PARAMETER);
        const char *name = cn ? icalparameter_get_cn(cn) : NULL, *mail = icalproperty_get_attendee(p);
        if (mail && !strncasecmp(mail, "mailto:", 7))
            mail += 7;
        put_line(out, "With", name && *name ? name : mail);
    }
}

static void give_item(emitter *e, icalcomponent *c)
{
    const char *summary = icalcomponent_get_summary(c), *text;
    char from[40], to[40], when[100];
    icalproperty *p;
    bytes body;

    bytes_init(&body, (size_t)4 << 20);
    if (!summary || !*summary)
        summary = "Without a title";
    emit_block(e, INGEST_HEADING, 2, summary, strlen(summary));
    put_time(from, icalcomponent_get_dtstart(c));
    put_time(to, icalcomponent_get_dtend(c));
    snprintf(when, sizeof when, "%s%s%s", from, *from && *to && strcmp(from, to) ? " to " : "",
             strcmp(from, to) ? to : "");
    put_line(&body, "When", when);
    put_time(when, icalcomponent_get_due(c));
    if (icalcomponent_isa(c) == ICAL_VTODO_COMPONENT)
        put_line(&body, "Due", when);
    put_line(&body, "Where", icalcomponent_get_location(c));
    p = icalcomponent_get_first_property(c, ICAL_ORGANIZER_PROPERTY);
    text = p ? icalproperty_get_organizer(p) : NULL;
    put_line(&body, "By", text && !strncasecmp(text, "mailto:", 7) ? text + 7 : text);
    put_people(&body, c);
    p = icalcomponent_get_first_property(c, ICAL_CATEGORIES_PROPERTY);
    put_line(&body, "Categories", p ? icalproperty_get_categories(p) : NULL);
    e->unsampled = true; /* labels are ours */
    emit_block(e, INGEST_PARAGRAPH, 0, body.data ? body.data : "", body.len);
    e->unsampled = false;
    text = icalcomponent_get_description(c);
    if (text)
        emit_block(e, INGEST_PARAGRAPH, 0, text, strlen(text));
    bytes_clear(&body);
}

static void give_components(emitter *e, icalcomponent *c, unsigned depth, size_t *n)
{
    icalproperty *p = icalcomponent_get_first_property(c, ICAL_X_PROPERTY);

    for (; p && !depth; p = icalcomponent_get_next_property(c, ICAL_X_PROPERTY))
        if (icalproperty_get_x_name(p) && !strcmp(icalproperty_get_x_name(p), "X-WR-CALNAME") &&
            icalproperty_get_x(p))
            emit_field(e, FIELD_TITLE, icalproperty_get_x(p), strlen(icalproperty_get_x(p)));
    for (icalcomponent *i = icalcomponent_get_first_component(c, ICAL_ANY_COMPONENT);
         i && !e->status && ++*n < MAX_ITEMS;
         i = icalcomponent_get_next_component(c, ICAL_ANY_COMPONENT))
        switch (icalcomponent_isa(i)) {
        case ICAL_VEVENT_COMPONENT:
        case ICAL_VTODO_COMPONENT:
        case ICAL_VJOURNAL_COMPONENT:
            give_item(e, i);
            break;
        case ICAL_VCALENDAR_COMPONENT:
        case ICAL_XROOT_COMPONENT:
            if (depth < 4)
                give_components(e, i, depth + 1, n);
            break;
        default:
            break;
        }
}

cairn_status parse_calendar(emitter *e, const parse_input *in)
{
    icalcomponent *root;
    decoded d;
    bytes text;
    size_t n = 0;

    icalerror_set_errors_are_fatal(false);
    if (!decode(e, in, &d, &text)) {
        root = icalparser_parse_string(text.data ? text.data : "");
        if (root) {
            give_components(e, root, 0, &n);
            icalcomponent_free(root);
        }
        if (!e->status && !e->n_blocks)
            emit_field(e, FIELD_NOTE, "no events in it", 15);
    }
    bytes_clear(&text);
    encoding_clear(&d);
    return e->status;
}

/* ---- cards ---- */

static const struct {
    const char *name, *label;
} card_fields[] = {
    {"NICKNAME", "Nickname"}, {"ORG", "Organisation"}, {"TITLE", "Position"}, {"ROLE", "Role"},
    {"TEL", "Phone"},         {"EMAIL", "Mail"},       {"ADR", "Address"},    {"URL", "Web"},
    {"BDAY", "Birthday"},     {"ANNIVERSARY", "Anniversary"}, {"IMPP", "Chat"}, {"CATEGORIES", "Categories"},
    {"RELATED", "Related"},   {"NOTE", "Note"},
};

/* One content line, unfolded, into *out; its end. Quoted-printable lines of vCard 2.1 go on after a '='. */
static size_t unfold(const char *s, size_t at, size_t len, bytes *out)
{
    bool quoted = false;

    bytes_reset(out);
    for (bool first = true;; first = false) {
        const char *nl = memchr(s + at, '\n', len - at);
        size_t end = nl ? (size_t)(nl - s) : len, n = end - at;
        if (n && s[end - 1] == '\r')
            n--;
        bytes_append(out, s + at, n);
        if (first && out->len)
            quoted = strcasestr(out->data, "QUOTED-PRINTABLE") != NULL;
        at = nl ? end + 1 : len;
        if (at < len && (s[at] == ' ' || s[at] == '\t'))
            at++;
        else if (at < len && quoted && out->len && out->data[out->len - 1] == '=')
            out->data[--out->len] = 0;
        else
            return at;
    }
}

/* "\n", "\," and their kin; the parts of a name or an address, divided by ';', become a line of words. */
static void unescape(bytes *out, const char *s, size_t len, bool parts)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\\' && i + 1 < len) {
            i++;
            bytes_append(out, s[i] == 'n' || s[i] == 'N' ? "\n" : s + i, 1);
        } else if (s[i] == ';' && parts) {
            if (out->len && out->data[out->len - 1] != ' ')
                bytes_append_str(out, out->data[out->len - 1] == ',' ? " " : ", ");
        } else {
            bytes_append(out, s + i, 1);
        }
    }
    while (parts && out->len && strchr(", ", out->data[out->len - 1]))
        out->data[--out->len] = 0;
}

static void decode_quoted(bytes *line, size_t from)
{
    GMimeEncoding q;
    size_t n;
    char *out = g_malloc(line->len - from + 8);

    g_mime_encoding_init_decode(&q, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    n = g_mime_encoding_flush(&q, line->data + from, line->len - from, out);
    line->data[line->len = from] = 0;
    bytes_append(line, out, n);
    g_free(out);
}

typedef struct card {
    bytes name, body, value;
    bool open;
} card;

static void give_card(emitter *e, card *c)
{
    if (c->open && (c->name.len || c->body.len)) {
        const char *name = c->name.len ? c->name.data : "Without a name";
        emit_block(e, INGEST_HEADING, 2, name, strlen(name));
        e->unsampled = true;
        emit_block(e, INGEST_PARAGRAPH, 0, c->body.data ? c->body.data : "", c->body.len);
    }
    bytes_reset(&c->name);
    bytes_reset(&c->body);
    c->open = false;
}

static void card_line(emitter *e, card *c, bytes *line)
{
    char *colon = line->len ? memchr(line->data, ':', line->len) : NULL, *name, *dot;
    size_t from, n;

    if (!colon)
        return;
    from = (size_t)(colon - line->data) + 1;
    *colon = 0;
    if (strcasestr(line->data, "QUOTED-PRINTABLE"))
        decode_quoted(line, from);
    n = strcspn(line->data, ";");
    line->data[n] = 0;
    name = line->data;
    if ((dot = strchr(name, '.'))) /* a group */
        name = dot + 1;
    bytes_reset(&c->value);
    unescape(&c->value, line->data + from, line->len - from,
             !strcasecmp(name, "N") || !strcasecmp(name, "ADR") || !strcasecmp(name, "ORG"));
    if (!strcasecmp(name, "BEGIN")) {
        give_card(e, c);
        c->open = true;
    } else if (!strcasecmp(name, "END")) {
        give_card(e, c);
    } else if (!strcasecmp(name, "FN") || (!strcasecmp(name, "N") && !c->name.len)) {
        bytes_reset(&c->name);
        bytes_append(&c->name, c->value.data ? c->value.data : "", c->value.len);
    }
    for (size_t i = 0; c->open && i < sizeof card_fields / sizeof *card_fields; i++)
        if (!strcasecmp(name, card_fields[i].name))
            put_line(&c->body, card_fields[i].label, c->value.data);
}

cairn_status parse_cards(emitter *e, const parse_input *in)
{
    card c = {.open = false};
    decoded d;
    bytes text, line;

    bytes_init(&line, CALENDAR_BYTES + 16);
    bytes_init(&c.name, (size_t)1 << 20);
    bytes_init(&c.body, (size_t)1 << 20);
    bytes_init(&c.value, CALENDAR_BYTES + 16);
    if (!decode(e, in, &d, &text))
        for (size_t at = 0; at < text.len && !e->status;) {
            at = unfold(text.data, at, text.len, &line);
            card_line(e, &c, &line);
        }
    give_card(e, &c);
    bytes_clear(&c.name);
    bytes_clear(&c.body);
    bytes_clear(&c.value);
    bytes_clear(&line);
    bytes_clear(&text);
    encoding_clear(&d);
    return e->status;
}
