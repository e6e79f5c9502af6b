tempfile second
import delimited using "data.csv", clear varnames(1) case(preserve) encoding("UTF-8") stringcols(1 2)
keep if treatment == "{{ reference }}"
keep study {{ columns }}
{% for name in columns.split() %}rename {{ name }} {{ name }}2
{% endfor %}save `second'
import delimited using "data.csv", clear varnames(1) case(preserve) encoding("UTF-8") stringcols(1 2)
keep if treatment == "{{ treatment }}"
keep study {{ columns }}
{% for name in columns.split() %}rename {{ name }} {{ name }}1
{% endfor %}merge 1:1 study using `second', keep(match) nogenerate
{{ esize }}
