/* ocr.h - in which languages text is recognised on scans. */
#ifndef CAIRN_ENGINE_OCR_H
#define CAIRN_ENGINE_OCR_H

#include "engine/settings.h"

#define OCR_LANGUAGES_BYTES 256
#define OCR_LANGUAGES_MOST  4 /* of those installed; each costs time on every page */

/* "eng+deu" by the settings and what Tesseract has on this machine; "" where recognition is off or nothing
 * is installed. Returns `out`. */
const char *engine_ocr_languages(const settings *s, char out[OCR_LANGUAGES_BYTES]);

#endif
