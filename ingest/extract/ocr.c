/* ocr.c - see ocr.h. */
#include "ingest/extract/ocr.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cairo.h>

#include "base/clock.h"
#include "ingest/ocr/module.h"
#include "ingest/plain.h"

#define PAGE_DPI       200
#define MAX_PIXELS     ((size_t)40000000) /* of a page or an image */
#define MIN_CONFIDENCE 40                 /* below, the words of an image are noise */

static const ocr_module *module;
static char wanted[256];
static bool images, started, failed;
static int64_t end_ns;

void ocr_load(const char *languages, bool take_images)
{
    char path[PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    void *handle;

    if (module || n <= 0 || !*languages || strlen(languages) >= sizeof wanted)
        return;
    path[n] = 0;
    strcpy(strrchr(path, '/'), "/cairn-ocr.so");
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* kept for good */
    module = handle ? dlsym(handle, OCR_MODULE_SYMBOL) : NULL;
    if (module && module->version != OCR_MODULE_VERSION)
        module = NULL;
    strcpy(wanted, languages);
    images = take_images;
}

void ocr_set_time(int64_t ms)
{
    end_ns = clock_cpu_ns() + ms * 1000000;
}

bool ocr_is_on(void)
{
    return module != NULL;
}

bool ocr_takes_images(void)
{
    return module && images;
}

static bool ready(void)
{
    if (!module || failed || clock_cpu_ns() > end_ns)
        return false;
    if (!started)
        failed = !module->start(wanted);
    started = true;
    return !failed;
}

static void give_text(emitter *e, char *text)
{
    emit_meta(e, "ocr", wanted, strlen(wanted));
    plain_blocks(e, text, strlen(text));
}

bool ocr_page(emitter *e, PopplerPage *page)
{
    double width, height, scale = PAGE_DPI / 72.0;
    cairo_surface_t *surface;
    cairo_t *cr;
    char *text = NULL;
    int confidence = 0;

    if (!ready())
        return false;
    poppler_page_get_size(page, &width, &height);
    if (!(width > 1) || !(height > 1) || width > 100000 || height > 100000)
        return true;
    while (width * scale * height * scale > (double)MAX_PIXELS)
        scale /= 2;
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * scale),
                                         (int)(height * scale));
    cr = cairo_create(surface);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_scale(cr, scale, scale);
    poppler_page_render(page, cr);
    cairo_surface_flush(surface);
    if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS)
        text = module->pixels(cairo_image_surface_get_data(surface),
                              cairo_image_surface_get_width(surface),
                              cairo_image_surface_get_height(surface),
                              cairo_image_surface_get_stride(surface), (int)(72 * scale),
                              &confidence);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    if (text && confidence >= MIN_CONFIDENCE)
        give_text(e, text);
    if (text)
        module->release(text);
    return true;
}

bool ocr_picture(emitter *e, const char *data, size_t len)
{
    int width, height, confidence = 0;
    char *text;

    if (!images || !ready())
        return false;
    text = module->image((const uint8_t *)data, len, MAX_PIXELS, &width, &height, &confidence);
    if (text && confidence >= MIN_CONFIDENCE)
        give_text(e, text);
    if (text)
        module->release(text);
    return true;
}

cairn_status parse_image(emitter *e, const parse_input *in)
{
    char size[64], *text = NULL;
    int width = 0, height = 0, confidence = 0;

    if (!ready()) {
        emit_field(e, FIELD_NOTE, "an image, and text recognition was not to be had", 48);
        return e->status;
    }
    text = module->image((const uint8_t *)in->data, in->len, MAX_PIXELS, &width, &height,
                         &confidence);
    if (!width)
        return emit_fail(e, CAIRN_EINPUT, "broken, or an image of more than %zu million pixels",
                         MAX_PIXELS / 1000000);
    snprintf(size, sizeof size, "%d x %d", width, height);
    emit_meta(e, "pixels", size, strlen(size));
    if (text && confidence >= MIN_CONFIDENCE)
        give_text(e, text);
    if (text)
        module->release(text);
    if (!e->n_blocks)
        emit_field(e, FIELD_NOTE, "an image without text", 21);
    return e->status;
}
