/* present.h - what the engine gives as JSON, in the shapes of /api/v1 (docs/server.md). */
#ifndef CAIRN_SERVER_PRESENT_H
#define CAIRN_SERVER_PRESENT_H

#include <jansson.h>

#include "engine/care.h"
#include "server/service.h"

json_t *present_search(const char *query, const cairn_search_result *r, bool explain);
json_t *present_suggestions(const cairn_suggestions *s);
json_t *present_answer(const cairn_answer *a);
/* Where an answer comes from, onto its object: whether a model wrote it, how sure it is, whether it was given before,
 * why it was answered this way, and to which address it was sent (null: it stayed here). */
void present_origin(json_t *j, const cairn_answer *a);
json_t *present_citations(const cairn_answer *a);
/* The sentences that were kept out because they give orders to a language model. For people: never for an assistant. */
json_t *present_evidence(const cairn_answer *a); /* the passages that were retrieved for it, as hits */
json_t *present_document(const cairn_document *d); /* without its text */
json_t *present_status(const cairn_status_info *info);
json_t *present_job(const service_job *j);

#endif
