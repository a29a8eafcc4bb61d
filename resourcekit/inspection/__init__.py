"""What a container holds, as data and as pictures: nothing is opened, no hook runs, no value from outside is read."""
