/* ask_parts.c - questions that need two places of the documents, part by part.
 *
 * The whole question is searched and judged as ever. Beside it each part is searched, its passages
 * are judged by the part's own words, and the best sentences of each part stand before the others:
 * both sides of a comparison get into the prompt, which is no longer for it (ask_assemble keeps its
 * budgets). Where each side has one value of the kind that is compared, the values decide and no
 * model is asked. The questions of a conjunction are answered one by one.
 *
 * What was taken apart wrongly costs two searches: without evidence for its parts, the whole
 * question's decides. */
#include <ctype.h>
#include <string.h>

#include "engine/ask.h"
#include "engine/tables.h"
#include "ingest/table_head.h"

#define PART_HITS    4     /* of a part, that the whole question did not find */
#define PART_QUOTA   2     /* sentences of each part at the front */
#define VALUE_CHANCE 0.35f /* of the part, that its value may decide */
#define VALUE_COVER  0.6f  /* of its words, in and around the sentence */
#define QUOTE_CHANCE 0.35f
#define QUOTE_SPREAD 2.5f /* log-odds below the side's best sentence of one that is quoted */
#define ALL_NAMES    0.99f
#define ROW_CHANCE   0.1f /* where a row names the side and a column the kind of value */
#define ROWS_TRIED   4    /* of the part's best sentences */

static bool is_on(const asking *a)
{
    return !strcmp(a->c->settings.ask_decompose, "on");
}

static bool has_chunk(const retrieve_hit *hits, size_t n, chunk_id chunk)
{
    for (size_t i = 0; i < n; i++)
        if (hits[i].chunk == chunk)
            return true;
    return false;
}

/* Room for `room` hits in all. */
static cairn_status make_room(asking *a, retrieve_result *found, size_t room, cairn_error *err)
{
    retrieve_hit *all = arena_calloc(&a->memory, room + 1, sizeof *all);

    if (!all)
        return cairn_fail(err, CAIRN_ENOMEM, "parts of a question");
    if (found->n_hits)
        memcpy(all, found->hits, found->n_hits * sizeof *all);
    found->hits = all;
    return CAIRN_OK;
}

/* Behind what was found the part's best hits that are not among it. */
static void add_hits(retrieve_result *found, const retrieve_result *part)
{
    for (size_t i = 0, more = 0; i < part->n_hits && more < PART_HITS; i++)
        if (!has_chunk(found->hits, found->n_hits, part->hits[i].chunk)) {
            found->hits[found->n_hits++] = part->hits[i];
            more++;
        }
}

cairn_status ask_parts_search(asking *a, const view *v, const engine_query *e,
                              retrieve_result *found, cairn_error *err)
{
    size_t room = found->n_hits;
    cairn_status st;

    if (!is_on(a))
        return CAIRN_OK;
    st = decompose_question(a->asked, &a->memory, &a->apart, err);
    if (!st && a->apart.kind == DECOMPOSE_BRIDGE) /* when the whole question has been judged */
        return CAIRN_OK;
    for (size_t i = 0; !st && i < a->apart.n_parts; i++) {
        engine_query part = *e;
        retrieve_query query;
        part.text = a->parts[i].question = a->apart.parts[i].question;
        st = engine_search_with(a->c, v, &part, &a->memory, &query, &a->parts[i].found, NULL, err);
        room += st ? 0 : a->parts[i].found.n_hits;
    }
    if (st || !a->apart.n_parts)
        return st;
    st = make_room(a, found, room, err);
    for (size_t i = 0; !st && i < a->apart.n_parts; i++)
        add_hits(found, &a->parts[i].found);
    return st;
}

static cairn_status judge_part(asking *a, const view *v, ask_part *part, cairn_error *err)
{
    size_t n = 0, *of = arena_calloc(&a->memory, part->found.n_hits + 1, sizeof *of);
    retrieve_hit *scores = arena_calloc(&a->memory, part->found.n_hits + 1, sizeof *scores);

    if (!of || !scores)
        return cairn_fail(err, CAIRN_ENOMEM, "parts of a question");
    for (size_t i = 0; i < part->found.n_hits; i++)
        for (size_t j = 0; j < a->hits->n_hits; j++)
            if (a->hits->hits[j].chunk == part->found.hits[i].chunk) {
                scores[n] = part->found.hits[i];
                of[n++] = j;
                break;
            }
    return ask_find_evidence(a, v, part->question, strlen(part->question), of, scores, n,
                             &part->evidence, err);
}

static bool same_place(const evidence_sentence *x, const evidence_sentence *y)
{
    return x->passage == y->passage && x->start == y->start && x->end == y->end;
}

static bool among(const evidence_sentence *s, size_t n, const evidence_sentence *x)
{
    for (size_t i = 0; i < n; i++)
        if (same_place(&s[i], x))
            return true;
    return false;
}

/* The parts' best, by turns, then all others of the whole question, and at the end what speaks to
 * the model. */
static cairn_status put_first(asking *a, cairn_error *err)
{
    const evidence *whole = &a->whole;
    evidence_sentence *all =
        arena_calloc(&a->memory, whole->n + PART_QUOTA * DECOMPOSE_PARTS + 1, sizeof *all);
    size_t n = 0;

    if (!all)
        return cairn_fail(err, CAIRN_ENOMEM, "parts of a question");
    for (size_t k = 0; k < PART_QUOTA; k++)
        for (size_t i = 0; i < a->apart.n_parts; i++) {
            const evidence *e = &a->parts[i].evidence;
            if (k < e->n && !e->sentences[k].planted && !among(all, n, &e->sentences[k]))
                all[n++] = e->sentences[k];
        }
    a->n_promoted = n;
    for (size_t i = 0; i < whole->n; i++)
        if (!among(all, a->n_promoted, &whole->sentences[i]))
            all[n++] = whole->sentences[i];
    a->evidence.sentences = all;
    a->evidence.n = n;
    return CAIRN_OK;
}

cairn_status ask_parts_find(asking *a, const view *v, const engine_query *e,
                            const retrieve_query *query, retrieve_result *found, ask_part *part,
                            cairn_error *err)
{
    engine_query q = *e;
    retrieve_query own;
    size_t before = found->n_hits;
    cairn_status st;

    q.text = part->question;
    q.history = NULL;
    q.n_history = 0;
    st = engine_search_with(a->c, v, &q, &a->memory, &own, &part->found, NULL, err);
    if (!st)
        st = make_room(a, found, before + PART_HITS, err);
    if (st)
        return st;
    add_hits(found, &part->found);
    if (found->n_hits > before)
        st = ask_present(a, v, query, found, err);
    return st ? st : judge_part(a, v, part, err);
}

cairn_status ask_parts_promote(asking *a, cairn_error *err)
{
    float least = 1;
    cairn_status st;

    a->whole = a->evidence;
    for (size_t i = 0; i < a->apart.n_parts; i++)
        if (a->parts[i].evidence.answerable < least)
            least = a->parts[i].evidence.answerable;
    st = put_first(a, err);
    if (!st && least > a->evidence.answerable)
        a->evidence.answerable = least;
    return st;
}

void ask_parts_forget(asking *a)
{
    if (a->apart.kind)
        a->evidence = a->whole;
    a->n_promoted = 0;
}

cairn_status ask_parts_judge(asking *a, const view *v, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!a->apart.kind || a->apart.kind == DECOMPOSE_BRIDGE)
        return CAIRN_OK;
    for (size_t i = 0; !st && i < a->apart.n_parts; i++)
        st = judge_part(a, v, &a->parts[i], err);
    return st ? st : ask_parts_promote(a, err);
}

/* ---- comparisons ---- */

typedef struct value {
    const evidence_sentence *s;
    text_span at;
    quantity q;
    text_span column; /* the name above a cell that has no unit of its own; empty: none */
} value;

/* A date, a year, or a number with a unit: a bare number may count anything. */
static bool is_value(answer_type type, unsigned units, const quantity *q)
{
    if (type == ANSWER_DATE)
        return q->kind == QUANTITY_DATE || q->year_like;
    if (units & 1u << UNIT_AREA && q->class == UNIT_LENGTH) /* "larger" */
        return false;
    if (type == ANSWER_MONEY)
        return q->kind == QUANTITY_NUMBER && q->class == UNIT_MONEY;
    return type == ANSWER_MEASURE && q->kind == QUANTITY_NUMBER && q->unit &&
           (!units || (units & 1u << q->class));
}

/* The one value of the kind asked for in a row that names the side. A cell's unit may stand in the
 * column's name, and a price without any below "price". */
static bool read_cell(asking *a, const ask_part *part, const char *side, const evidence_sentence *s,
                      value *out)
{
    const cite_passage *p = &a->read[s->passage].text;
    const char *head = p->text, *row = p->text + s->start, *name, *cell;
    const evidence *e = &part->evidence;
    size_t name_len, len, found = 0;

    if (!ask_row_names(p->text + s->start, s->end - s->start, side))
        return false;
    while (table_next_cell(&row, p->text + s->end, &cell, &len)) {
        quantity *q;
        size_t n;
        bool bare;
        if (!table_next_cell(&head, p->text + s->head_end, &name, &name_len))
            name_len = 0;
        if (quantities_find(cell, len, &a->memory, &q, &n, NULL) || n != 1 || q[0].start ||
            q[0].end != len)
            continue;
        bare = name_len && q[0].kind == QUANTITY_NUMBER && !q[0].unit;
        if (bare)
            ask_unit_of_column(name, name_len, e->type, &q[0], &a->memory);
        if (!is_value(e->type, e->units, &q[0]) &&
            !(e->type == ANSWER_MONEY && q[0].class == UNIT_MONEY && q[0].kind == QUANTITY_NUMBER))
            continue;
        out->q = q[0];
        out->at = (text_span){(size_t)(cell - p->text), (size_t)(cell - p->text) + len};
        out->column = (text_span){0, 0};
        if (bare)
            out->column =
                (text_span){(size_t)(name - p->text), (size_t)(name - p->text) + name_len};
        found++;
    }
    out->s = s;
    return found == 1;
}

/* Of the part's few best sentences the first row of a table that has its value. */
static bool read_row(asking *a, const ask_part *part, const char *side, value *out)
{
    const evidence *e = &part->evidence;

    for (size_t i = 0; i < e->n && i < ROWS_TRIED && !e->sentences[i].planted; i++)
        if (e->sentences[i].head_end &&
            e->sentences[i].feature[EVIDENCE_COVER_AROUND] >= VALUE_COVER &&
            read_cell(a, part, side, &e->sentences[i], out))
            return true;
    return false;
}

/* The one value of the kind asked for in the part's best sentence that has one and speaks of the
 * side. */
static bool read_value(asking *a, const ask_part *part, const char *side, value *out)
{
    const evidence_sentence *s;
    evidence kept = a->evidence;
    size_t promoted = a->n_promoted, n = 0;
    const evidence *e = &part->evidence;
    size_t found = 0;
    quantity *q;

    if (part->evidence.n && part->evidence.answerable >= ROW_CHANCE && read_row(a, part, side, out))
        return true;
    if (!part->evidence.n || part->evidence.answerable < VALUE_CHANCE)
        return false;
    a->evidence = part->evidence;
    a->n_promoted = 0;
    s = ask_typed_sentence(a);
    a->evidence = kept;
    a->n_promoted = promoted;
    if (!s || s->planted || s->head_end || s->feature[EVIDENCE_NAMES] < 0.99f ||
        s->feature[EVIDENCE_TYPE_STRONG] <= 0)
        return false;
    if (s->feature[EVIDENCE_COVER_AROUND] < VALUE_COVER ||
        quantities_find(a->read[s->passage].text.text + s->start, s->end - s->start, &a->memory, &q,
                        &n, NULL))
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_value(e->type, e->units, &q[i])) {
            out->q = q[i];
            out->at = (text_span){s->start + q[i].start, s->start + q[i].end};
            found++;
        }
    out->s = s;
    return found == 1;
}

static const char *reply(const char *lang, bool yes)
{
    static const char *const words[][3] = {
        {"de", "Ja", "Nein"}, {"es", "Sí", "No"}, {"fr", "Oui", "Non"}, {"en", "Yes", "No"}};

    for (size_t i = 0; i < 3; i++)
        if (!strcmp(words[i][0], lang))
            return words[i][yes ? 1 : 2];
    return words[3][yes ? 1 : 2];
}

/* "the Clarion" begins a sentence. */
static void begin_large(char *s)
{
    if (*s >= 'a' && *s <= 'z')
        *s = (char)(*s - 'a' + 'A');
}

static const char *conclude(const asking *a, int order, const char **brief, arena *memory)
{
    const decomposition *d = &a->apart;
    char *text;

    if (d->order == DECOMPOSE_LESS || d->order == DECOMPOSE_MORE) {
        *brief = reply(d->lang, d->order == DECOMPOSE_LESS ? order < 0 : order > 0);
        return arena_printf(memory, "%s.", *brief);
    }
    *brief = d->parts[(order < 0) == (d->order == DECOMPOSE_LEAST) ? 0 : 1].side;
    text = d->verdict && *d->verdict ? arena_printf(memory, "%s %s.", *brief, d->verdict)
                                     : arena_printf(memory, "%s.", *brief);
    if (text)
        begin_large(text);
    return text;
}

/* "price (EUR) 249.00 [1]", behind what stands in a->text. */
static cairn_status print_value(asking *a, const value *v, size_t n)
{
    const char *text = a->read[v->s->passage].text.text;

    return bytes_printf(&a->text, "%.*s%s%.*s [%zu]", (int)(v->column.end - v->column.start),
                        text + v->column.start, v->column.end ? " " : "",
                        (int)(v->at.end - v->at.start), text + v->at.start, n);
}

bool ask_parts_compare(asking *a, cairn_answer *out, arena *memory)
{
    const decomposition *d = &a->apart;
    const char *brief = NULL, *said;
    value v[2] = {{.s = NULL}, {.s = NULL}};
    int order;
    size_t n[2] = {0, 0};

    if (d->kind != DECOMPOSE_COMPARISON || d->order == DECOMPOSE_UNDECIDED || d->n_parts != 2 ||
        !read_value(a, &a->parts[0], d->parts[0].side, &v[0]) ||
        !read_value(a, &a->parts[1], d->parts[1].side, &v[1]) ||
        (v[0].s->passage == v[1].s->passage && v[0].at.start == v[1].at.start) ||
        !quantity_compare(&v[0].q, &v[1].q, &order) ||
        (!order && (d->order == DECOMPOSE_LEAST || d->order == DECOMPOSE_MOST)))
        return false;
    said = conclude(a, order, &brief, memory);
    bytes_reset(&a->text);
    a->n_cited = a->n_numbers = a->shown = 0;
    for (size_t k = 0; k < 2; k++) {
        if (ask_add_cited(a, v[k].s->passage, v[k].s->start, v[k].s->end, true, &n[k]) ||
            bytes_printf(&a->text, "%s: ", d->parts[k].side) || print_value(a, &v[k], n[k]) ||
            bytes_append_str(&a->text, k ? ". " : "; "))
            return false;
    }
    begin_large(a->text.data);
    if (!said || bytes_append_str(&a->text, said))
        return false;
    out->short_answer = ask_redacted(a, brief, strlen(brief), memory);
    out->extractive = a->extractive;
    out->route = arena_strdup(memory, "the values of both sides: they decide the comparison");
    a->stopped = false;
    ask_release(a, a->text.data, a->text.len);
    return true;
}

typedef struct side_names {
    const char **name;
    size_t n;
} side_names;

/* The words of the side with a capital or a digit, but articles. */
static side_names read_names(asking *a, const char *side)
{
    side_names names = {arena_calloc(&a->memory, strlen(side) / 2 + 1, sizeof *names.name), 0};

    for (const char *w = side; names.name && *w;) {
        size_t n = strcspn(w, " ,?()\"");
        bool name = isupper((unsigned char)*w) || strcspn(w, "0123456789") < n;
        char *word = name && n > 1 ? arena_strndup(&a->memory, w, n) : NULL;
        w += n;
        w += strspn(w, " ,?()\"");
        if (!word || ask_is_article(word, n))
            continue;
        if (n > 2 && !strcmp(word + n - 2, "'s"))
            word[n - 2] = '\0';
        names.name[names.n++] = word;
    }
    return names;
}

/* Does the passage, its title or its path have every one of them? */
static bool names_side(const asking *a, size_t hit, const side_names *names)
{
    const cairn_hit *h = &a->hits->hits[hit];
    bool all = true;

    for (size_t i = 0; i < names->n && all; i++)
        all = ask_row_names(h->text, h->text_len, names->name[i]) ||
              ask_row_names(h->title, strlen(h->title), names->name[i]) ||
              ask_row_names(h->uri, strlen(h->uri), names->name[i]);
    return all;
}

/* The sentence on one line, with its number, behind what stands in a->text. */
static cairn_status quote(asking *a, const evidence_sentence *s)
{
    size_t n = 0;
    cairn_status st = ask_put_quoted(a, s, s->start, s->end);

    if (!st)
        st = ask_add_cited(a, s->passage, s->start, s->end, true, &n);
    return st ? st : bytes_printf(&a->text, " [%zu]", n);
}

/* Is a value compared, which can be told in a sentence? */
static bool compares_values(answer_type t)
{
    return (t >= ANSWER_COUNT && t <= ANSWER_TIME) || t == ANSWER_CODE;
}

/* Does the sentence speak of the side: with its title and heading, has it every one of the names?
 */
static bool speaks_of_side(const asking *a, const evidence_sentence *s, const side_names *names)
{
    const cite_passage *p = &a->read[s->passage].text;
    bool all = true;

    for (size_t i = 0; i < names->n && all; i++)
        all = ask_row_names(p->text + s->start, s->end - s->start, names->name[i]) ||
              (p->title && ask_row_names(p->title, strlen(p->title), names->name[i])) ||
              (p->heading && ask_row_names(p->heading, strlen(p->heading), names->name[i]));
    return all;
}

/* What may be quoted for a side: its best sentence, which names it; where values are compared, the
 * best one that has some. NULL: nothing, and what is said of the other side alone answers no
 * comparison. */
static const evidence_sentence *find_quote(asking *a, size_t side)
{
    const evidence *e = &a->parts[side].evidence;
    side_names names = read_names(a, a->apart.parts[side].side);

    if (!e->n || e->answerable < QUOTE_CHANCE)
        return NULL;
    for (size_t i = 0; i < e->n && !e->sentences[i].planted &&
                       e->sentences[i].score >= e->sentences[0].score - QUOTE_SPREAD;
         i++) {
        const evidence_sentence *s = &e->sentences[i];
        if ((i ? speaks_of_side(a, s, &names) : names_side(a, s->passage, &names)) &&
            (!compares_values(e->type) || s->feature[EVIDENCE_TYPE_STRONG] > 0))
            return s;
    }
    return NULL;
}

bool ask_parts_quote(asking *a, cairn_answer *out)
{
    const evidence_sentence *of[DECOMPOSE_PARTS];

    if (a->apart.kind != DECOMPOSE_COMPARISON)
        return false;
    for (size_t i = 0; i < a->apart.n_parts; i++)
        if (!(of[i] = find_quote(a, i)))
            return false;
    bytes_reset(&a->text);
    a->n_cited = a->n_numbers = a->shown = 0;
    for (size_t i = 0; i < a->apart.n_parts; i++) {
        if (i && same_place(of[i], of[i - 1]))
            continue;
        if ((a->text.len && bytes_append_byte(&a->text, ' ')) || quote(a, of[i]))
            return false;
    }
    out->extractive = true;
    a->stopped = false;
    ask_release(a, a->text.data, a->text.len);
    return true;
}

bool ask_parts_in_one_place(const asking *a)
{
    const evidence *e = a->n_promoted ? &a->whole : &a->evidence;

    return e->n > e->n_planted && e->sentences[0].feature[EVIDENCE_NAMES] >= ALL_NAMES &&
           e->sentences[0].feature[EVIDENCE_COVER_AROUND] >= VALUE_COVER;
}

/* What is said of a question that the documents do not answer. */
static const char *missing(const char *lang)
{
    static const char *const words[][2] = {{"de", "Nicht in den Dokumenten"},
                                           {"es", "No está en los documentos"},
                                           {"fr", "Absent des documents"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i][0], lang))
            return words[i][1];
    return "Not in your documents";
}

/* Do no passages found name the side, although it has a name? */
static bool is_nowhere(const asking *a, const side_names *names)
{
    for (size_t i = 0; i < a->hits->n_hits; i++)
        if (names_side(a, i, names))
            return false;
    return names->n && a->hits->n_hits;
}

bool ask_parts_missing(asking *a, cairn_answer *out)
{
    const decomposition *d = &a->apart;
    size_t has;
    const evidence *e;
    side_names names[2];
    bool nowhere[2];

    if (d->kind != DECOMPOSE_COMPARISON || d->n_parts != 2)
        return false;
    for (size_t k = 0; k < 2; k++) {
        names[k] = read_names(a, d->parts[k].side);
        nowhere[k] = is_nowhere(a, &names[k]);
    }
    if (nowhere[0] == nowhere[1])
        return false;
    has = nowhere[0] ? 1 : 0;
    e = &a->parts[has].evidence;
    bytes_reset(&a->text);
    a->n_cited = a->n_numbers = a->shown = 0;
    if (bytes_printf(&a->text, "%s: %s.", missing(d->lang), d->parts[1 - has].side))
        return false;
    if (e->n && !e->sentences[0].planted && e->answerable >= QUOTE_CHANCE &&
        names_side(a, e->sentences[0].passage, &names[has])) {
        const evidence_sentence *s = &e->sentences[0];
        size_t begin = a->text.len + 1;
        if (bytes_printf(&a->text, " %s: ", d->parts[has].side) || quote(a, s))
            return false;
        begin_large(a->text.data + begin);
    }
    out->refused = true;
    out->extractive = a->extractive;
    a->stopped = false;
    ask_release(a, a->text.data, a->text.len);
    return true;
}

/* ---- conjunctions ---- */

/* An answer's text with the numbers that its passages have in the answer to all parts. */
static cairn_status append_renumbered(const char *text, size_t len, const size_t *number, size_t n,
                                      bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < len;) {
        text_marker m;
        if (text[i] == '[' && marker_read(text, len, i, &m) && m.count == 1 && m.n[0] &&
            m.n[0] <= n && number[m.n[0] - 1]) {
            st = bytes_printf(out, "[%zu]", number[m.n[0] - 1]);
            i = m.end;
        } else {
            st = bytes_append_byte(out, (uint8_t)text[i++]);
        }
    }
    return st;
}

/* What the parts have said so far. */
typedef struct joined {
    bytes text;
    ask_cited cited[ASK_CITED_MAX];
    size_t n_cited, n_numbers;
} joined;

/* `side`: the thing that it speaks of, "" of a conjunction. */
static cairn_status join_part(asking *a, const char *side, joined *j)
{
    size_t begin, number[ASK_CITED_MAX] = {0}; /* 0: of a place that there was no room to note */
    size_t n = a->n_numbers < ASK_CITED_MAX ? a->n_numbers : ASK_CITED_MAX;
    cairn_status st = j->text.len ? bytes_append_byte(&j->text, '\n') : CAIRN_OK;

    begin = j->text.len;
    if (!st && *side && !(st = bytes_printf(&j->text, "%s: ", side)))
        begin_large(j->text.data + begin);
    for (size_t i = 0; i < a->n_cited; i++) {
        ask_cited c = a->cited[i];
        size_t k = 0;
        while (k < j->n_cited && j->cited[k].hit != c.hit)
            k++;
        number[c.n - 1] = k < j->n_cited ? j->cited[k].n : j->n_numbers + 1;
        c.n = number[c.n - 1];
        if (c.n > j->n_numbers)
            j->n_numbers = c.n;
        if (j->n_cited < ASK_CITED_MAX)
            j->cited[j->n_cited++] = c;
    }
    return st ? st
              : append_renumbered(a->text.data ? a->text.data : "", a->text.len, number, n,
                                  &j->text);
}

/* Of a list: the one value of a side as the answer to its question, in a->text. */
static bool name_value(asking *a, size_t i)
{
    value v = {.s = NULL};
    size_t n;

    if (a->apart.kind != DECOMPOSE_LIST || !read_value(a, &a->parts[i], a->apart.parts[i].side, &v))
        return false;
    if (ask_add_cited(a, v.s->passage, v.s->start, v.s->end, true, &n) || print_value(a, &v, n))
        return false;
    return true;
}

cairn_status ask_parts_each(asking *a, cairn_answer *out, arena *memory,
                            cairn_status (*answer_one)(asking *, cairn_answer *, arena *,
                                                       cairn_error *),
                            bool *held, cairn_error *err)
{
    const evidence kept = a->evidence;
    const char *question = a->question, *asked = a->asked;
    cairn_stream_fn *stream = a->stream;
    size_t promoted = a->n_promoted, n_held = 0;
    bool extractive = true;
    joined *j = arena_calloc(&a->memory, 1, sizeof *j);
    cairn_status st = CAIRN_OK;

    *held = false;
    if (!j)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    bytes_init(&j->text, ANSWER_BYTES);
    a->stream = NULL; /* numbers are known when a part is done */
    a->n_promoted = 0;
    for (size_t i = 0; !st && i < a->apart.n_parts; i++) {
        a->evidence = a->parts[i].evidence;
        a->question = a->asked = a->cite.question = a->parts[i].question;
        a->chance = a->evidence.answerable;
        a->n_sources = a->n_cited = a->n_numbers = 0;
        a->unanswered = false;
        bytes_reset(&a->text);
        out->refused = out->extractive = false;
        if (name_value(a, i))
            out->extractive = a->extractive;
        else
            st = answer_one(a, out, memory, err);
        if (!st && !out->refused) {
            st = join_part(a, a->apart.kind == DECOMPOSE_LIST ? a->apart.parts[i].side : "", j);
            extractive &= out->extractive;
            n_held++;
        } else if (!st) {
            st = bytes_printf(&j->text, "%s%s: %s", j->text.len ? "\n" : "", missing(a->apart.lang),
                              a->apart.kind == DECOMPOSE_LIST ? a->apart.parts[i].side
                                                              : a->parts[i].question);
        }
    }
    a->stream = stream;
    a->evidence = kept;
    a->n_promoted = promoted;
    a->question = question;
    a->asked = a->cite.question = asked;
    a->chance = kept.answerable;
    a->unanswered = false;
    a->n_sources = 0;
    out->refused = out->extractive = false;
    out->short_answer = NULL;
    if (!st && n_held) {
        *held = true;
        out->extractive = extractive;
        memcpy(a->cited, j->cited, sizeof a->cited);
        a->n_cited = j->n_cited;
        a->n_numbers = j->n_numbers;
        a->shown = 0;
        a->stopped = false;
        bytes_reset(&a->text);
        st = bytes_append(&a->text, j->text.data, j->text.len);
        if (!st)
            ask_release(a, a->text.data, a->text.len);
    }
    bytes_clear(&j->text);
    return st;
}
