/* module.h - what cairn-ocr.so offers: Tesseract and Leptonica behind one table, so that a worker that
 * recognises nothing loads neither.
 *
 * Threads  none of its own (the parent sets OMP_THREAD_LIMIT=1); one caller. */
#ifndef CAIRN_INGEST_OCR_MODULE_H
#define CAIRN_INGEST_OCR_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCR_MODULE_VERSION 1
#define OCR_MODULE_SYMBOL  "cairn_ocr_module"

typedef struct ocr_module {
    uint32_t version;
    /* Load the languages ("eng+deu"). Once; reads their files. False: they cannot be had. */
    bool (*start)(const char *languages);
    /* Recognise 32-bit pixels (as cairo's RGB24) of height rows of `stride` bytes, or a whole image file
     * (PNG, JPEG, TIFF, WebP, BMP, GIF). Gives text to be released by `release`, or NULL; the mean confidence of its words
     * is 0..100. Images of more than max_pixels are refused. */
    char *(*pixels)(const uint8_t *data, int width, int height, int stride, int dpi,
                    int *confidence);
    char *(*image)(const uint8_t *data, size_t len, size_t max_pixels, int *width, int *height,
                   int *confidence);
    void (*release)(char *text);
} ocr_module;

#endif
