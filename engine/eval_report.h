/* eval_report.h - an evaluation as one page for a browser, without scripts or anything from elsewhere. */
#ifndef CAIRN_ENGINE_EVAL_REPORT_H
#define CAIRN_ENGINE_EVAL_REPORT_H

#include "engine/cairn.h"
#include "engine/eval.h"

/* One query as it went. */
typedef struct eval_query {
    const char *id, *text;
    const char *first; /* uri of the first document; NULL: nothing was found */
    const char *slice; /* its value of the field asked for; NULL: none was asked for */
    double values[CAIRN_METRICS];
} eval_query;

/* One question as it went. */
typedef struct eval_answer {
    const char *question, *gold, *answer; /* gold "": not answerable */
    bool right;
    double f1; /* NAN: not answerable */
} eval_answer;

/* `slice` names the field of r->slices; it may be NULL where there are none. */
cairn_status eval_report_answers(const char *path, const char *title, const char *slice, const cairn_answers_result *r,
                                 const eval_answer *answers, size_t n, cairn_error *err);

/* CAIRN_EIO, CAIRN_EFULL name the file. */
cairn_status eval_report_write(const char *path, const char *title, const char *slice, const cairn_eval_result *r,
                               const eval_query *queries, size_t n, cairn_error *err);

#endif
