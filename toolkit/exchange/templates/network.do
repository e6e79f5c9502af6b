* Needs the package network of I. R. White (Stata Journal 2015;15:951-985).
import delimited using "data.csv", clear varnames(1) case(preserve) encoding("UTF-8") stringcols(1 2)
* Short codes, because treatment names become parts of variable names; T0 is the reference.
generate str code = ""
{% for code, name in codes %}replace code = "{{ code }}" if treatment == "{{ name }}"
{% endfor %}network setup {{ columns }}, studyvar(study) trtvar(code) ref(T0) nocodes {{ measure }}
network meta consistency
