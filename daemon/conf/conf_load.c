/* conf_load.c - functions for all readers of the configuration: growing arrays, finding files. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf/conf_internal.h"

void *conf_grow_array(struct conf_load *load, void *array_pointer, size_t *n, size_t element_size)
{
	void *array;

	memcpy(&array, array_pointer, sizeof(array));
	char *grown = realloc(array, (*n + 1) * element_size);
	if (!grown) {
		conf_complain(load->errors, load->directory, 0, "out of memory");
		return NULL;
	}
	memcpy(array_pointer, &grown, sizeof(grown));
	char *element = grown + *n * element_size;
	memset(element, 0, element_size);
	(*n)++;
	return element;
}

void conf_find_file(const struct conf_load *load, const char *name, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/%s", load->directory, name);
	if (access(ret_path, F_OK) != 0) {
		snprintf(ret_path, size, "%s/%s", load->catalogue, name);
	}
}

int conf_is_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}
