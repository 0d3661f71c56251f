/* mark.c - the operator's marks, and the flags that they give to readings. */
#include "core/pipeline_state.h"

bool pipeline_has_room_for_mark(struct pipeline *pipeline)
{
	size_t kept = 0;

	/* Marks that ended more than a day before the closed periods can flag no reading any more. */
	for (size_t i = 0; i < pipeline->n_marks; i++) {
		if (pipeline->marks[i].until.ms > pipeline->closed_until.ms - DAY_MS) {
			pipeline->marks[kept++] = pipeline->marks[i];
		}
	}
	pipeline->n_marks = kept;
	return kept < PIPELINE_MARKS;
}

bool pipeline_add_mark(struct pipeline *pipeline, const struct mark *mark)
{
	if (!pipeline_has_room_for_mark(pipeline)) {
		return false;
	}
	pipeline->marks[pipeline->n_marks++] = *mark;
	return true;
}

enum flag flag_after_marks(const struct pipeline *p, size_t outlet, size_t point, const struct reading *reading)
{
	enum flag flag = reading->flag;

	for (size_t i = 0; i < p->n_marks; i++) {
		const struct mark *mark = &p->marks[i];
		if (mark->outlet == outlet && (mark->point < 0 || (size_t)mark->point == point) &&
			reading->at.ms >= mark->from.ms && reading->at.ms < mark->until.ms) {
			flag = flag_worse(flag, mark->flag);
		}
	}
	return flag;
}
