/* Arrays of an NPZ file, each by itself. */
#ifndef BGI_NPZ_H
#define BGI_NPZ_H

#include "io/npy.h"
#include "io/zip.h"

/* Whether all members of an archive are arrays whose names an archive of tensors takes, and the compressed ones are no
 * larger together than the limit, of which 0 is the default. */
bg_status bgi_npz_check(const bgi_zip *zip, uint64_t limit);
/* The array of a name, NULL if there is none. */
const bgi_zip_member *bgi_npz_find(const bgi_zip *zip, const char *name);
/* How much of an array's name stands in messages. */
static inline int bgi_npz_shown(const bgi_zip_member *m) { return m->name_bytes < 104 ? m->name_bytes - 4 : 100; }

/* What stands before its elements. */
bg_status bgi_npz_layout(bgi_npy_layout *layout, const bgi_zip *zip, const bgi_zip_member *member);
/* Lets it be read, and checks that nothing follows, and the checksum. */
bg_status bgi_npz_visit(const bgi_zip *zip, const bgi_zip_member *member, bgi_npy_visit *visit, void *user);

#endif
