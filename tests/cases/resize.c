/* Resizing of images. */
#include "cases.h"

const op_family resize_family = { .name = "resize" };
