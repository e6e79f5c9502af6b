"""PRISMA 2020 flow: counted from decisions, checked against its identities, written in every form journals want."""
