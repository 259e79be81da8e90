#include "retrieve/evidence_model.h"
const sentence_model sentence_by_words = {-6, {[EVIDENCE_COVER]=4,[EVIDENCE_COVER_AROUND]=2,[EVIDENCE_TYPE]=.8f,[EVIDENCE_NAMES]=1,[EVIDENCE_LEXICAL_FIRST]=1,[EVIDENCE_LEXICAL_SHARE]=1}};
const sentence_model sentence_by_vectors = {-6, {[EVIDENCE_COVER]=4,[EVIDENCE_COVER_AROUND]=2,[EVIDENCE_TYPE]=.8f,[EVIDENCE_LEXICAL_FIRST]=1,[EVIDENCE_VECTOR_FIRST]=1,[EVIDENCE_VECTOR_GAP]=20}};
const sentence_model sentence_by_cosine = {-6, {[EVIDENCE_COVER]=4,[EVIDENCE_COVER_AROUND]=2,[EVIDENCE_TYPE]=.8f,[EVIDENCE_LEXICAL_FIRST]=1,[EVIDENCE_VECTOR_FIRST]=1,[EVIDENCE_VECTOR_GAP]=20,[EVIDENCE_COSINE_STEP]=20}};
const question_model question_by_words = {-1, {0}, {[EVIDENCE_BEST_SCORE]=1}};
const question_model question_by_cosine = {-1, {0}, {[EVIDENCE_BEST_SCORE]=1}};
