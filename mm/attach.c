// SPDX-License-Identifier: MIT
/* What maps an object: counting, and taking a whole mapping of it away, for System V shared memory. */
#include "mm/map.h"
#include "mm/vm.h"

struct search {
	const struct object *object;
	u64 found;
};

static void count_regions(struct vm *vm, void *arg)
{
	struct search *s = arg;
	struct region r;

	scoped_read(&vm->lock);
	for (va_t va = 0; layout_next(&vm->layout, va, &r); va = r.end)
		s->found += r.object == s->object;
}

u64 vm_object_mappings(const struct object *o)
{
	struct search s = { .object = o };

	vm_for_each(count_regions, &s);
	return s.found;
}

/* The first region from addr on of a mapping that begins at addr. */
static bool find_attached(const struct vm *vm, va_t addr, const struct object_ops *kind, struct region *r)
{
	for (va_t va = addr; layout_next(&vm->layout, va, r); va = r->end) {
		if (r->object && r->object->ops == kind && r->start >= addr &&
		    (r->start - addr) >> PAGE_SHIFT == r->offset)
			return true;
	}
	return false;
}

long vm_detach(struct vm *vm, va_t addr, const struct object_ops *kind, struct object **out)
{
	struct region r;

	if (!is_aligned(addr, PAGE_SIZE))
		return -EINVAL;
	scoped_write(&vm->lock);
	if (!find_attached(vm, addr, kind, &r))
		return -EINVAL;
	struct object *o = r.object;
	va_t end = addr + align_up(o->size, PAGE_SIZE);
	long err = 0;

	object_get(o);
	/* Parts that have been replaced by something else meanwhile stay. */
	for (va_t va = addr; !err && layout_next(&vm->layout, va, &r) && r.start < end; va = r.end) {
		if (r.object == o && (r.start - addr) >> PAGE_SHIFT == r.offset)
			err = map_unmap(vm, r.start, min(r.end, end));
	}
	if (err)
		object_put(o);
	else
		*out = o;
	return err;
}
