"""Reference texts for mean ablation of language models: plain sentences on unrelated subjects.

They come with Microtome so that "the mean" means the same to everyone; they were written for it and copied from
nowhere. Models with a vocabulary of their own bring their own texts.
"""

BACKGROUND = (
    "The museum opens at nine in the morning and closes after the last visitor has left the building.",
    "Rain fell on the hills for three days, and by Sunday the river had covered the lower fields.",
    "To make the sauce, melt the butter slowly, stir in the flour, and add the milk a little at a time.",
    "The committee read the report twice before it voted, but two of the members asked for more time.",
    "Light travels faster than sound, which is why the flash is seen before the thunder is heard.",
    "My grandmother kept her letters in a tin box under the stairs and never showed them to anyone.",
    "The train to the coast leaves from platform four; passengers should keep their tickets with them.",
    "Copper conducts electricity well, so most of the wires inside the walls of a house are made of it.",
    "After the match the players shook hands, and the captain thanked the crowd for waiting in the cold.",
    "A new law requires factories to measure what they release into the air and to publish the numbers.",
    "She learned to play the piano as a child, stopped for twenty years, and then began again.",
    "The price of bread rose in the spring, because the harvest of the year before had been poor.",
)
