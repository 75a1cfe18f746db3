"""Reading reports of findings, whoever wrote them: ours and other vendors'.

Understood by their content, not by their SOP class: measurement groups (PS3.16 TID 1410,
1411, 1501, as in TID 1500 reports) and CAD findings (TID 4000 family). The reader is
tolerant: codes that it does not know are passed on as they are, what is missing is said,
and SNOMED RT codes count as the SNOMED CT codes that took their place.
:mod:`mammo_node.encode.parse` is the strict reader of our own TID 1500 reports.
"""
