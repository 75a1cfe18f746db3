"""The Mammography CAD SR (PS3.3 A.35.5, PS3.16 TID 4000 family), one function per template.

::

    Mammography CAD Report (TID 4000)                                   report
    ├── Language (TID 1204)
    ├── Image Library: one entry per image (TID 4020)                   library
    ├── CAD Processing and Findings Summary (TID 4001)                  impression
    │   ├── the answer in words (TID 4002)
    │   └── Individual Impression, one per lesion (TID 4003)
    │       ├── Composite Feature: one lesion in several images (TID 4004, 4005)   composite
    │       │   └── its Single Image Findings
    │       └── Single Image Finding (TID 4006 with 4009, 4010, 4011, 4013, 4021)  finding
    ├── Summary of Detections (TID 4015, 4017)                          performed
    └── Summary of Analyses (TID 4016, 4018)                            performed

Images are referred to by reference to their entry in the image library. The templates are
not extensible: what they have no row for (a long axis of an architectural distortion, say)
stands in the TID 1500 report alone.
"""
