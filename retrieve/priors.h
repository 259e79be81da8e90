/* priors.h - what speaks for a passage before any question: how new its document is, where it lies, and whether it is
 * a text at all.
 *
 * A prior is a factor on the score, 1 at most but for folders that were given more weight:
 *
 *   recency  1 - weight * (1 - 2^(-age / half-life)). Age counts from the newest document among those compared, not
 *            from now, so that the same collection always gives the same order. A half-life of 0 is the median of
 *            their ages; a document without a date counts as one half-life old
 *   folder   the weight of the innermost folder that a rule names
 *   quality  1 - weight * (1 - q), where q is 1 for a text and falls towards 0 for what is none: dot leaders, dumps
 *            of numbers and codes, what is left of a bad scan
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_PRIORS_H
#define CAIRN_RETRIEVE_PRIORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct prior_params {
    float recency;        /* 0..1; 0: off */
    double half_life_days; /* 0: by what is compared */
    float quality;        /* 0..1; 0: off */
    bool folders;         /* rules name some */
    bool newest;          /* documents of the thing that the question asks for the newest of come by their dates */
} prior_params;

typedef struct prior_passage {
    int64_t date_ns; /* of the document; 0: unknown */
    float folder;    /* weight of where it lies; 1: no rule */
    const char *text;
    size_t len;
    bool named; /* its document is called what the question asks for the newest of */
} prior_passage;

/* Does anything of it do anything? */
bool priors_wanted(const prior_params *p);

/* The factor of each of passages[n]. CAIRN_ENOMEM. */
cairn_status priors_weigh(const prior_params *p, const prior_passage *passages, size_t n, float *out, cairn_error *err);

/* 0..1, see above. An empty text has 0. */
float prior_quality(const char *text, size_t len);

/* Does the question ask for what is newest ("latest", "most recent", "neueste", "más reciente", "最新")? */
bool prior_asks_newest(const char *question, size_t len);

/* Of what it asks for the newest: bytes [*start, *end) of the question, "minutes" of "the newest minutes of the board". So are "last
 * minutes" and "letztes Protokoll" read where the question is no more than that. False: it asks so of nothing. */
bool prior_newest_thing(const char *question, size_t len, size_t *start, size_t *end);
/* Does a document's title or the name of its file have all words of the thing? */
bool prior_is_named(const char *thing, size_t len, const char *title, const char *uri);
/* Scores of those that are named so, and have half of the best one's above `least`, change places: the newest gets the highest. */
cairn_status priors_newest_first(const prior_passage *passages, size_t n, float least, float *scores, cairn_error *err);

/* Rules "FOLDER:WEIGHT; FOLDER:WEIGHT": the weight of the innermost folder that the path lies below, 1 where none does.
 * Folders begin with / or ~/, which is `home`. */
float prior_folder(const char *rules, const char *home, const char *path);
/* CAIRN_EUSAGE names the rule that cannot be read. Weights are from 0.1 to 10. */
cairn_status prior_folders_check(const char *rules, cairn_error *err);

#endif
