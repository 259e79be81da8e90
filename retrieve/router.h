/* router.h - who answers a question whose evidence is good enough: rules, no model.
 *
 *   easy     a number, a date, a name that the best sentence holds, when the documents answer almost surely
 *   hard     why, how, comparisons, explanations, summaries, several questions in one, long ones
 *   middling the rest
 *
 * [ask] route = fixed gives everything to models.generator; auto gives what is easy to the documents' own sentence
 * and what is hard to models.large, where one is named. [gateway] use says what goes to an endpoint. */
#ifndef CAIRN_RETRIEVE_ROUTER_H
#define CAIRN_RETRIEVE_ROUTER_H

#include "retrieve/evidence.h"

typedef enum route_grade { ROUTE_EASY, ROUTE_MIDDLING, ROUTE_HARD } route_grade;

/* *why: a static sentence part, such as "it asks for a date that the best sentence holds". `e` may be NULL. */
route_grade route_grade_of(const char *question, size_t len, const evidence *e, const char **why);

#endif
