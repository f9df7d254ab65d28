"""Referrals to a clinic: what a letter states, how soon the person should be seen, and why.

Pure: text and plain values in, plain values out. Nothing here decides alone; a person at the clinic confirms.
Source: evidence pack, section 2.
"""
