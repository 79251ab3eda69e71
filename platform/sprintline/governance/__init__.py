"""Governance: what people decide: waivers, approvals, attestations."""
