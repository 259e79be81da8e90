/* output.c - gather lists and dictionary, then write section after section. */
#include "index/lexical/output.h"

#include "index/lexical/compound.h"

/* Below this a spool would write in crumbs. */
#define SPOOL_LEAST ((size_t)256 << 10)

void index_output_init(index_output *o)
{
    spool_init(&o->post);
    spool_init(&o->pos);
    dict_writer_init(&o->dict);
    list_encoder_init(&o->lists, &o->post, &o->pos);
    forms_table_init(&o->written);
    o->forms = (forms_writer){0};
    o->ends = (ends_writer){0};
    o->compounds = false;
}

void index_output_clear(index_output *o)
{
    list_encoder_clear(&o->lists);
    forms_writer_clear(&o->forms);
    forms_table_clear(&o->written);
    dict_writer_clear(&o->dict);
    ends_writer_clear(&o->ends);
    spool_clear(&o->post);
    spool_clear(&o->pos);
}

void index_output_limit(index_output *o, size_t memory, const char *dir)
{
    spool *all[] = {&o->post, &o->pos, &o->dict.terms, &o->dict.index};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        all[i]->memory = memory / 4 > SPOOL_LEAST ? memory / 4 : SPOOL_LEAST;
        all[i]->dir = dir;
    }
}

float index_output_typical(const lexical_meta *m)
{
    float length_weight[LEXICAL_FIELDS];
    double sum = 0;

    length_weights(m->weight, m->b, length_weight);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        sum += (double)length_weight[f] * (double)m->total[f];
    return m->n_rows ? (float)(sum / m->n_rows) : 1;
}

cairn_status index_output_begin(index_output *o, lexical_meta *m, const uint8_t *columns, pace *p,
                                cairn_error *err)
{
    cairn_status st = forms_writer_init(&o->forms, &o->written, p, err);

    if (st)
        return st;
    m->typical = index_output_typical(m);
    return list_encoder_lengths(&o->lists, columns, m->n_rows, m->weight, m->b, m->typical, err);
}

cairn_status index_output_term(index_output *o, const char *term, size_t len, const list_size *list,
                               uint64_t itself, cairn_error *err)
{
    cairn_status st = dict_writer_add(&o->dict, term, len, list, err);
    if (!st)
        st = ends_writer_add(&o->ends, ENDS_TERMS, term, len, err);
    return st ? st : forms_writer_term(&o->forms, term, len, itself, err);
}

static cairn_status add_entry(void *ctx, const char *form, size_t form_len, const char *term,
                              size_t term_len, cairn_error *err)
{
    index_output *o = ctx;
    cairn_status st = ends_writer_add(&o->ends, ENDS_FORMS, form, form_len, err);

    return st || !o->compounds ? st
                               : ends_writer_add(&o->ends, ENDS_FORM_TERMS, term, term_len, err);
}

cairn_status index_output_emit(index_output *o, lexical_meta *m, const uint8_t *columns,
                               const section_sink *sink, cairn_error *err)
{
    cairn_status st;

    m->n_terms = o->dict.n;
    m->post_len = o->post.size;
    m->pos_len = o->pos.size;
    st = meta_emit(m, sink, err);
    if (!st)
        st = rows_emit(columns, m->n_rows, sink, err);
    if (!st)
        st = dict_writer_emit(&o->dict, sink, err);
    for (size_t i = 0; i < m->n_langs; i++)
        o->compounds |= compound_language(m->langs[i].code);
    if (!st)
        st = forms_writer_emit(&o->forms, sink, add_entry, o, err);
    if (!st)
        st = spool_emit(&o->post, sink, "lex.post", SECTION_PAD, err);
    if (!st)
        st = spool_emit(&o->pos, sink, "lex.pos", SECTION_PAD, err);
    return st ? st : ends_writer_emit(&o->ends, sink, o->forms.pace, err);
}
