/* state.c - the state record, the one thing of a collection that is replaced rather than added to:
 * which ids are committed, counts, who writes. It is written in place of the version that was read,
 * by its sequence number, or not at all. */
#include "opensearch/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/clock.h"

#define RULES_BYTES ((size_t)8 << 20)
#define VOIDS_MOST  64
#define VOID_MS     INT64_C(86400000) /* a request does not hang in a node for longer than a day */

void os_state_clear(os_state *s)
{
    json_decref(s->removing);
    json_decref(s->voids);
    *s = (os_state){0};
}

cairn_status os_state_copy(os_state *to, const os_state *from, cairn_error *err)
{
    *to = *from;
    to->removing = json_deep_copy(from->removing);
    to->voids = json_deep_copy(from->voids);
    return (to->removing || !from->removing) && (to->voids || !from->voids)
               ? CAIRN_OK
               : cairn_fail(err, CAIRN_ENOMEM, "the state record");
}

/* ---- ids that were never committed ---- */

static json_int_t part_of(const json_t *range, size_t i)
{
    return json_integer_value(json_array_get(range, i));
}

cairn_status os_state_add_void(os_state *s, os_range ids, cairn_error *err)
{
    json_int_t now = clock_wall_ns() / 1000000;

    if (ids.from >= ids.to)
        return CAIRN_OK;
    if (!s->voids)
        s->voids = json_array();
    if (json_array_size(s->voids) == VOIDS_MOST)
        json_array_remove(s->voids, 0);
    return json_array_append_new(s->voids, json_pack("[I,I,I]", (json_int_t)ids.from, (json_int_t)ids.to, now))
               ? cairn_fail(err, CAIRN_ENOMEM, "the state record")
               : CAIRN_OK;
}

void os_state_age_voids(os_state *s)
{
    json_int_t before = clock_wall_ns() / 1000000 - VOID_MS;

    for (size_t i = json_array_size(s->voids); i-- > 0;)
        if (part_of(json_array_get(s->voids, i), 2) < before)
            json_array_remove(s->voids, i);
}

bool os_is_stranger(const os_state *s, doc_id doc)
{
    bool is = doc >= s->next_doc;

    for (size_t i = 0; i < json_array_size(s->voids) && !is; i++) {
        const json_t *range = json_array_get(s->voids, i);
        is = doc >= (doc_id)part_of(range, 0) && doc < (doc_id)part_of(range, 1);
    }
    return is;
}

json_t *os_void_rows(const os_state *s)
{
    json_t *any = json_array_size(s->voids) ? json_array() : NULL;

    for (size_t i = 0; any && i < json_array_size(s->voids); i++) {
        const json_t *range = json_array_get(s->voids, i);
        if (json_array_append_new(any, json_pack("{s:{s:{s:I,s:I}}}", "range", "doc", "gte", part_of(range, 0), "lt",
                                                 part_of(range, 1))))
            return json_decref(any), NULL;
    }
    return any ? json_pack("{s:{s:o,s:i}}", "bool", "should", any, "minimum_should_match", 1) : NULL;
}

void os_state_count_language(os_state *s, const char *code, int64_t change)
{
    size_t i = 0;

    while (i < s->n_languages && strcmp(s->language[i].code, code) != 0)
        i++;
    if (i == s->n_languages) {
        if (i == LANGUAGES_MAX || strlen(code) >= sizeof s->language[i].code)
            return;
        strcpy(s->language[s->n_languages++].code, code);
        s->language[i].chunks = 0;
    }
    s->language[i].chunks += change;
    if (s->language[i].chunks < 0)
        s->language[i].chunks = 0;
}

static uint64_t count_of(const json_t *j, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(j, key));

    return v > 0 ? (uint64_t)v : 0;
}

static cairn_status decode(const struct os_store *s, const json_t *j, os_state *out,
                           cairn_error *err)
{
    const json_t *languages = json_object_get(j, "languages"),
                 *removing = json_object_get(j, "removing");
    const char *owner = json_string_value(json_object_get(j, "owner"));
    const json_t *ever = json_object_get(j, "words_ever");
    const char *stamp = json_string_value(json_object_get(j, "stamp")), *code;
    json_t *chunks;

    if (!json_is_object(j) || !owner || !stamp || strlen(owner) >= sizeof out->owner ||
        strlen(stamp) >= sizeof out->stamp || !json_is_object(languages) ||
        !json_is_array(removing))
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s: the state record is none: restore the indexes from a backup",
                          s->state);
    *out = (os_state){.version = count_of(j, "version"),
                      .next_doc = count_of(j, "next_doc"),
                      .lent = count_of(j, "lent"),
                      .counts = {.docs = count_of(j, "docs"),
                                 .chunks = count_of(j, "chunks"),
                                 .text_bytes = count_of(j, "text_bytes")},
                      .dim = (uint32_t)count_of(j, "dim"),
                      .generation = (uint32_t)count_of(j, "generation"),
                      .lease_until_ms = (int64_t)count_of(j, "lease_until_ms"),
                      .removing = json_incref((json_t *)removing)};
    out->voids = json_incref(json_object_get(j, "voids")); /* an earlier program's state has none */
    out->write_no = (int64_t)count_of(j, "write_no");
    out->shown = count_of(j, "shown");
    out->rows_ever = count_of(j, "rows_ever");
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        out->words_ever[f] = (uint64_t)json_integer_value(json_array_get(ever, f));
    strcpy(out->owner, owner);
    strcpy(out->stamp, stamp);
    json_object_foreach((json_t *)languages, code, chunks)
        os_state_count_language(out, code, json_integer_value(chunks));
    return CAIRN_OK;
}

cairn_status os_rules_decode(const struct os_store *s, const json_t *source, char **rules,
                             cairn_error *err)
{
    const json_t *data = json_object_get(source, "data");
    cairn_status st = CAIRN_OK;
    bytes text;

    *rules = NULL;
    bytes_init(&text, RULES_BYTES);
    if (source && (!json_is_string(data) ||
                   base64_decode(&text, json_string_value(data), json_string_length(data))))
        st = cairn_fail(err, CAIRN_ECORRUPT,
                        "%s: the rules about who may read what are no text: write them again",
                        s->state);
    if (!st && (bytes_append_byte(&text, 0) || !(*rules = bytes_detach(&text, NULL))))
        st = cairn_fail(err, CAIRN_ENOMEM, "rules");
    bytes_clear(&text);
    return st;
}

void os_state_see(struct os_store *s, const os_state *state, const char *rules)
{
    os_state_clear(&s->seen);
    free(s->seen_rules);
    s->seen_rules = NULL;
    if (!state || state->shown != state->version || os_state_copy(&s->seen, state, NULL))
        return;
    s->seen_rules = strdup(rules);
}

/* What the records of a multi-get say; *passing: some could not be read for now. */
static cairn_status take_records(const struct os_store *s, const json_t *reply, os_state *out,
                                 char **rules, bool *passing, cairn_error *err)
{
    const json_t *docs = json_object_get(reply, "docs"), *state = json_array_get(docs, 0),
                 *access = json_array_get(docs, 1);
    cairn_status st;

    *passing = json_object_get(state, "error") || json_object_get(access, "error");
    if (*passing)
        return cairn_fail(err, CAIRN_EBUSY,
                          "the state record of collection %s cannot be read now: its node is away",
                          s->name);
    if (!json_is_true(json_object_get(state, "found")))
        return cairn_fail(err, CAIRN_ENOTFOUND,
                          "the cluster has no collection \"%s\": cairn collection create makes it",
                          s->prefix);
    st = os_rules_decode(
        s, json_is_true(json_object_get(access, "found")) ? json_object_get(access, "_source") : NULL,
        rules, err);
    if (!st)
        st = decode(s, json_object_get(json_object_get(state, "_source"), "state"), out, err);
    if (!st) {
        out->seq_no = json_integer_value(json_object_get(state, "_seq_no"));
        out->primary_term = json_integer_value(json_object_get(state, "_primary_term"));
    }
    return st;
}

cairn_status os_state_read_with(struct os_store *s, os_state *out, char **rules, cairn_error *err)
{
    char path[PATH_BYTES];
    os_patience patience = {0};
    bool passing = true;
    cairn_status st;

    *out = (os_state){0};
    *rules = NULL;
    snprintf(path, sizeof path, "/%s/_mget", s->state);
    do {
        json_t *reply = NULL;
        st = os_ask(s, "read the state record", "POST", path,
                    json_pack("{s:[s,s]}", "ids", STATE_ID, RULES_ID), &reply, err);
        if (st == CAIRN_EUSAGE && err && strstr(err->text, "index_not_found"))
            st =
                cairn_fail(err, CAIRN_ENOTFOUND,
                           "the cluster has no collection \"%s\": cairn collection create makes it",
                           s->prefix);
        if (st)
            return st;
        st = take_records(s, reply, out, rules, &passing, err);
        json_decref(reply);
    } while (passing && os_wait_again(s, &patience));
    if (st) {
        os_state_clear(out);
        free(*rules);
        *rules = NULL;
    }
    return st;
}

cairn_status os_rules_put(store *handle, const char *text, size_t len, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    char path[PATH_BYTES];
    json_t *body = NULL;
    bytes data;
    cairn_status st;

    bytes_init(&data, 2 * RULES_BYTES);
    st = base64_append(&data, text, len);
    if (!st)
        body = json_pack("{s:s,s:o}", "kind", "rules", "data",
                         json_stringn(data.data ? data.data : "", data.len));
    bytes_clear(&data);
    /* Who relies on what it saw looks where searches look, so it must be visible there. */
    snprintf(path, sizeof path, "/%s/_doc/" RULES_ID "?refresh=true&version_type=external_gte&version=%lld", s->state,
             (long long)(clock_wall_ns() / 1000000));
    return body ? os_ask(s, "write the rules", "PUT", path, body, NULL, err)
                : cairn_fail(err, CAIRN_ENOMEM, "rules");
}

cairn_status os_state_read(struct os_store *s, os_state *out, cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    long status;
    cairn_status st;

    *out = (os_state){0};
    snprintf(path, sizeof path, "/%s/_doc/" STATE_ID, s->state);
    st = os_call(s, "GET", path, NULL, &status, &reply, err);
    if (!st && status == 404)
        st = cairn_fail(err, CAIRN_ENOTFOUND,
                        "the cluster has no collection \"%s\": cairn collection create makes it",
                        s->prefix);
    if (!st)
        st = decode(s, json_object_get(json_object_get(reply, "_source"), "state"), out, err);
    if (!st) {
        out->seq_no = json_integer_value(json_object_get(reply, "_seq_no"));
        out->primary_term = json_integer_value(json_object_get(reply, "_primary_term"));
    }
    json_decref(reply);
    return st;
}

static json_t *encode(const os_state *s)
{
    json_t *languages = json_object(), *ever;

    for (size_t i = 0; languages && i < s->n_languages; i++)
        if (json_object_set_new(languages, s->language[i].code,
                                json_integer(s->language[i].chunks)))
            return json_decref(languages), NULL;
    ever = json_pack("[I,I,I,I]", (json_int_t)s->words_ever[0], (json_int_t)s->words_ever[1],
                     (json_int_t)s->words_ever[2], (json_int_t)s->words_ever[3]);
    return json_pack("{s:s,s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:s,s:I,s:s,s:O,s:I,s:o}}",
                     "kind", "state", "state", "version", (json_int_t)s->version, "shown",
                     (json_int_t)s->shown, "next_doc", (json_int_t)s->next_doc, "lent",
                     (json_int_t)s->lent, "docs", (json_int_t)s->counts.docs, "chunks",
                     (json_int_t)s->counts.chunks, "text_bytes", (json_int_t)s->counts.text_bytes,
                     "dim", (json_int_t)s->dim, "generation", (json_int_t)s->generation,
                     "rows_ever", (json_int_t)s->rows_ever, "words_ever", ever, "languages",
                     languages, "owner", s->owner, "lease_until_ms", (json_int_t)s->lease_until_ms,
                     "stamp", s->stamp, "removing", s->removing, "write_no", (json_int_t)s->write_no, "voids",
                     s->voids ? json_incref(s->voids) : json_array());
}

/* The write may have happened although its answer was lost: then the record bears our stamp. */
static cairn_status is_ours(struct os_store *s, os_state *state, cairn_error *err)
{
    os_state now;
    cairn_status st = os_state_read(s, &now, err);

    if (!st && strcmp(now.stamp, state->stamp) != 0)
        st = cairn_fail(
            err, CAIRN_EBUSY,
            "collection %s: %s writes it meanwhile; nothing of this was taken: run it again",
            s->name, *now.owner ? now.owner : "somebody else");
    if (!st) {
        state->seq_no = now.seq_no;
        state->primary_term = now.primary_term;
    }
    os_state_clear(&now);
    return st;
}

cairn_status os_state_write(struct os_store *s, os_state *state, cairn_error *err)
{
    char path[PATH_BYTES];
    uint64_t dice = 0;
    json_t *reply = NULL;
    long status;
    cairn_status st;

    if (getrandom(&dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        dice = (uint64_t)clock_mono_ns();
    snprintf(state->stamp, sizeof state->stamp, "%016llx", (unsigned long long)dice);
    if (state->seq_no < 0)
        snprintf(path, sizeof path, "/%s/_create/" STATE_ID, s->state);
    else
        snprintf(path, sizeof path, "/%s/_doc/" STATE_ID "?if_seq_no=%lld&if_primary_term=%lld",
                 s->state, (long long)state->seq_no, (long long)state->primary_term);
    st = os_call(s, "PUT", path, encode(state), &status, &reply, err);
    if (!st && status == 409)
        st = is_ours(s, state, err);
    else if (!st && status / 100 != 2)
        st = client_refused("write the state record", status, reply, err);
    else if (!st) {
        state->seq_no = json_integer_value(json_object_get(reply, "_seq_no"));
        state->primary_term = json_integer_value(json_object_get(reply, "_primary_term"));
    }
    json_decref(reply);
    return st;
}
