"""Plain data that passes through the doors between the rooms.

Every room may import this package, and it imports nothing but the standard library, so that
no room has to know its neighbour to speak with it. Behaviour does not belong here.
"""
