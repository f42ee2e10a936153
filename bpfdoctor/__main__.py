"""`python -m bpfdoctor`."""

from bpfdoctor.cli import main

raise SystemExit(main())
