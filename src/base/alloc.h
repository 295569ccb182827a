/* The allocator of engines that bring none. bgi_alloc and its kin are in base/engine.h. */
#ifndef BGI_ALLOC_H
#define BGI_ALLOC_H

#include "base/engine.h"

extern const bg_allocator bgi_default_allocator;

#endif
