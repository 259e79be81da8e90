/* module.c - see module.h. */
#include "ingest/ocr/module.h"

#include <stdlib.h>

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>

#define SMALL_SIDE 32 /* pixels: nothing to read on less */

static TessBaseAPI *tess;

static bool start(const char *languages)
{
    setMsgSeverity(L_SEVERITY_NONE);
    if (tess)
        return true;
    tess = TessBaseAPICreate();
    if (!tess || TessBaseAPIInit3(tess, NULL, languages)) {
        if (tess)
            TessBaseAPIDelete(tess);
        tess = NULL;
        return false;
    }
    TessBaseAPISetPageSegMode(tess, PSM_AUTO);
    TessBaseAPISetVariable(tess, "debug_file", "/dev/null");
    return true;
}

static char *recognise(int dpi, int *confidence)
{
    char *text;

    if (dpi > 0)
        TessBaseAPISetSourceResolution(tess, dpi);
    text = TessBaseAPIGetUTF8Text(tess);
    *confidence = text ? TessBaseAPIMeanTextConf(tess) : 0;
    TessBaseAPIClear(tess);
    return text;
}

static char *pixels(const uint8_t *data, int width, int height, int stride, int dpi,
                    int *confidence)
{
    if (width < SMALL_SIDE || height < SMALL_SIDE)
        return NULL;
    TessBaseAPISetImage(tess, data, width, height, 4, stride);
    return recognise(dpi, confidence);
}

static char *image(const uint8_t *data, size_t len, size_t max_pixels, int *width, int *height,
                   int *confidence)
{
    l_int32 format, w = 0, h = 0, bps, spp, colours;
    PIX *pix;
    char *text = NULL;

    *width = *height = 0;
    /* The size first: a small file may claim a huge picture. */
    if (pixReadHeaderMem(data, len, &format, &w, &h, &bps, &spp, &colours) || w <= 0 || h <= 0 ||
        (size_t)w > max_pixels / (size_t)h)
        return NULL;
    pix = pixReadMem(data, len);
    if (!pix)
        return NULL;
    *width = w;
    *height = h;
    if (w >= SMALL_SIDE && h >= SMALL_SIDE) {
        TessBaseAPISetImage2(tess, pix);
        text = recognise(pixGetXRes(pix) > 0 ? 0 : 200, confidence);
    }
    pixDestroy(&pix);
    return text;
}

static void release(char *text)
{
    TessDeleteText(text);
}

extern const ocr_module cairn_ocr_module;
__attribute__((visibility("default"))) const ocr_module cairn_ocr_module = {
    OCR_MODULE_VERSION, start, pixels, image, release,
};
