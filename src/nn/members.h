/* Populations: how the members lie in values and parameters.
 *
 * A value that depends on parameters is [members n, ..], so that layers without parameters need not know; one that does
 * not is [n, ..], of all members. */
#ifndef BGI_MEMBERS_H
#define BGI_MEMBERS_H

#include "nn/layer.h"

/* [members, ..]; BG_ERR_SHAPE if `name` has no room for that axis. */
bg_status bgi_members_shape(const char *name, int64_t members, bg_shape shape, bg_shape *all);
/* Replaces a tensor [..] by one with its values for each member, [members, ..]; after an error it is as it was. */
bg_status bgi_members_repeat(bg_tensor **tensor, bg_engine *engine, int64_t members);

/* x as [members, n, ..], or [1, n, ..] if it is of all members; and back. */
bg_node *bgi_members_split(const bgi_layer *layer, bg_node *x);
bg_node *bgi_members_join(bg_node *y);
/* x [.., c, ..] as [n, members c, ..], repeated for the members if it is of all; and back. */
bg_node *bgi_members_to_channels(const bgi_layer *layer, bg_node *x);
bg_node *bgi_members_from_channels(const bgi_layer *layer, bg_node *y);
/* A parameter [members, c, ..] as [members c, ..]. */
bg_node *bgi_members_flatten(bg_node *parameter);

/* x · weightᵀ + bias: weight [members, out, in]   bias [members, out] or NULL */
bg_node *bgi_members_linear(const bgi_layer *layer, bg_node *x, bg_node *weight, bg_node *bias);
/* x weight + bias, each NULL or [members, ..] with the extents of x from `axis` on, or 1 in their place. */
bg_node *bgi_members_scale(const bgi_layer *layer, bg_node *x, int axis, bg_node *weight, bg_node *bias);

#endif
